/** What takes long is done in turns: others of the process have theirs in between, and nothing changes in what is told, nor in its order. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Connection } from '../../../../agent/registry/wire/connection.js';
import type { Clock } from '../../../../agent/registry/wire/ports.js';
import { Turns } from '../../../../agent/registry/wire/turns.js';
import type { Pieces } from '../../../../agent/registry/wire/turns.js';
import { writeTexts } from '../../../../agent/registry/wire/records.js';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import { clock, random } from '../../../../agent/system.js';
import { connected, until } from '../tree-contract.js';
import { FakeServer, frame, writeStat } from './fake-server.js';
import { opened } from './opened.js';

const [EXISTS, CHILDREN] = [3, 12];

/** Each look at the time costs some, so that how often others have a turn depends on no machine. */
class SlowClock implements Clock {
  rests = 0;
  spent = 0;
  readonly #look: number;
  constructor(look = 0.1) {
    this.#look = look;
  }
  now(): number {
    return (this.spent += this.#look);
  }
  after(ms: number, run: () => void): () => void {
    return clock.after(ms, run);
  }
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms === 0) this.rests++;
    return clock.sleep(ms, signal);
  }
}

/** Its turns end when the test says so. */
class HeldClock implements Clock {
  spent = 0;
  #due: (() => void)[] = [];
  now(): number {
    return this.spent;
  }
  after(_ms: number, run: () => void): () => void {
    this.#due.push(run);
    return () => undefined;
  }
  sleep(): Promise<void> {
    return new Promise((resolve) => this.#due.push(resolve));
  }
  async nextTurn(): Promise<void> {
    for (const run of this.#due.splice(0)) run();
    await new Promise(setImmediate);
  }
}

describe('turns', () => {
  it('rest when enough was done in one of them, and go on in the next', async () => {
    const held = new HeldClock();
    const done: number[] = [];
    function* work(): Pieces {
      for (let piece = 1; piece <= 12; piece++) {
        done.push(piece);
        held.spent++;
        yield;
      }
    }
    new Turns(held).run(work());
    equal(done.length, 5);
    await held.nextTurn();
    equal(done.length, 10);
    await held.nextTurn();
    equal(done.length, 12);
  });

  it('end before the next read, so that none is judged by the turn before', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const one = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay(true);
    const [other] = (await once(server, 'connection')) as [Socket];
    t.after(() => (one.destroy(), other.destroy()));
    const turns = new Turns(clock);
    const wasOver: boolean[] = [];
    const done = new Promise<void>((resolve) => {
      // what is written to the other is read by him in the very next turn
      const hear = (to: Socket) => (): void => {
        wasOver.push(turns.isOver);
        for (const began = clock.now(); clock.now() < began + 6;);
        if (wasOver.length === 20) resolve();
        else to.write('x');
      };
      one.on('data', hear(other));
      other.setNoDelay(true).on('data', hear(one));
    });
    one.write('x');
    await done;
    deepEqual(wasOver.filter(Boolean), []);
  });

  it('are taken over a list of 100,000 names, and what is behind it is told behind it, though the server has gone', async () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `name-${index}`);
    const server = await FakeServer.start({
      onRequest(guest, { xid, op }) {
        if (op === CHILDREN) guest.answer(xid, 0, (writer) => writeStat(writeTexts(writer, names)));
        else {
          guest.answer(xid, 0, writeStat);
          guest.event(3, '/b');
          guest.socket.end();
        }
      },
    });
    const slow = new SlowClock();
    const { client, up, down } = opened([server], { clock: slow });
    await up();
    const told: string[] = [];
    const list = client.getChildren('/a').then((answer) => (told.push('list'), answer.names));
    const node = client.exists('/b', () => void told.push('event')).then(() => void told.push('node'));
    deepEqual(await list, names);
    await node;
    await down();
    deepEqual(told.sort(), ['event', 'list', 'node']);
    ok(slow.rests >= 5, `${slow.rests} rests`);
    client.drop();
    await server.stop();
  });

  it('are taken over thousands of events, and over thousands of questions that fail', async () => {
    const server = await FakeServer.start({
      onRequest(guest, { xid, op, body }) {
        if (op === EXISTS && body.text() !== '/out') guest.answer(xid, 0, writeStat);
      },
    });
    const slow = new SlowClock();
    const { client, up, down } = opened([server], { clock: slow });
    await up();
    const heard: string[] = [];
    const paths = Array.from({ length: 2_000 }, (_, index) => `/${index}`);
    await Promise.all(paths.map((path) => client.exists(path, (event) => void heard.push(event.path))));
    slow.rests = 0;
    for (const path of paths) server.guests[0]!.event(3, path);
    await until(() => heard.length === paths.length, 'every event');
    deepEqual(heard, paths);
    ok(slow.rests >= 5, `${slow.rests} rests`);
    const out = paths.map(() => rejects(client.exists('/out'), { code: 'CONNECTION_LOSS' }));
    await until(() => server.guests[0]!.asked.length >= 2 * paths.length, 'the questions to be out');
    slow.rests = 0;
    server.guests[0]!.socket.destroy();
    await down();
    await Promise.all(out);
    ok(slow.rests >= 5, `${slow.rests} rests`);
    client.drop();
    await server.stop();
  });

  it('count what is done by those who are answered, or whose question fails', async () => {
    const server = await FakeServer.start({
      onRequest(guest, { xid, body }) {
        if (body.text() !== '/out') guest.answer(xid, 0, writeStat);
      },
    });
    const slow = new SlowClock(0);
    const { client, up, down } = opened([server], { clock: slow });
    await up();
    const spend = (): void => void (slow.spent += 0.1);
    server.guests[0]!.socket.cork(); // all answers at once
    const answers = Array.from({ length: 1_000 }, () => client.exists('/a').then(spend));
    await until(() => server.guests[0]!.asked.length > answers.length, 'the questions');
    slow.rests = 0;
    server.guests[0]!.socket.uncork();
    await Promise.all(answers);
    ok(slow.rests >= 10, `${slow.rests} rests for 100 ms`);
    const out = Array.from({ length: 1_000 }, () => client.exists('/out').catch(spend));
    await until(() => server.guests[0]!.asked.length > 2 * answers.length, 'the questions to be out');
    slow.rests = 0;
    server.guests[0]!.socket.destroy();
    await down();
    await Promise.all(out);
    ok(slow.rests >= 10, `${slow.rests} rests for 100 ms`);
    client.drop();
    await server.stop();
  });
});

describe('thousands of watches', () => {
  it('that live on a lasting one are told in turns that nobody watches any more', async () => {
    const server = await FakeServer.start({ onRequest: (guest, { xid }) => guest.answer(xid, 0, writeStat) });
    const slow = new SlowClock(0);
    const { client, up } = opened([server], { clock: slow });
    await up();
    await client.addWatch('/a', 'recursive', () => undefined);
    const told: string[] = [];
    const paths = Array.from({ length: 1_000 }, (_, index) => `/a/${index}`);
    const hear = ({ type, path }: { type: string; path: string }): void => {
      equal(type, 'removed');
      told.push(path);
      slow.spent += 0.1;
    };
    await Promise.all(paths.map((path) => client.exists(path, hear)));
    slow.rests = 0;
    await client.removeWatches('/a');
    deepEqual([told, client.watches], [paths, 0]);
    ok(slow.rests >= 10, `${slow.rests} rests for 100 ms`);
    client.drop();
    await server.stop();
  });

  it('are called in turns when their session is over, and none of a tree that was closed meanwhile', async (t) => {
    let sessions = 0n;
    const server = await FakeServer.start({
      onGreeting: (guest) => (guest.greeting!.id === 0n ? guest.greet(++sessions, 6_000) : guest.greet(0n, 0)),
      onRequest: (guest, { xid }) => guest.answer(xid, 0, writeStat),
    });
    const slow = new SlowClock(0);
    const options = { servers: [server], chroot: '', sessionTimeoutMs: 6_000, random, emit: (): void => undefined };
    const tree = openZooKeeper({
      ...{ ...options, client: { kind: 'wire' } },
      clock: {
        ...clock,
        now: () => slow.now(),
        sleep(ms, signal) {
          if (ms === 0) slow.rests++;
          return clock.sleep(ms, signal);
        },
      },
    });
    t.after(() => tree.close());
    await connected(tree);
    let called = 0;
    const arm = (): Promise<unknown> =>
      Promise.all(
        Array.from({ length: 1_000 }, (_, index) =>
          tree.exists(`/${index}`, () => {
            called++;
            slow.spent += 0.1;
            if (sessions === 3n && called === 100) void tree.close();
          }),
        ),
      );
    const lose = async (): Promise<void> => {
      slow.rests = called = 0;
      const { epoch } = tree.session;
      server.guests.at(-1)!.socket.destroy();
      await until(() => tree.session.epoch > epoch && called > 0, 'the next session');
    };
    await arm();
    await lose();
    await until(() => called === 1_000, 'every call');
    ok(slow.rests >= 10, `${slow.rests} rests for 100 ms`);
    await arm();
    await lose();
    await until(() => tree.session.state === 'closed', 'the end');
    equal(called, 100);
    await server.stop();
  });
});

describe('a connection that breaks', () => {
  it('hands on the whole frames that had come, and then says why it ended', async (t) => {
    const held = new HeldClock();
    const turns = new Turns(held);
    const server = createServer().listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const welcomed = once(server, 'connection') as Promise<[Socket]>;
    const told: string[] = [];
    let heard = 0;
    equal(turns.isOver, false); // this turn has begun,
    held.spent += 10; // and has no time left
    const connection = new Connection({ host: '127.0.0.1', port, label: 'zk1:2181' }, undefined, 10_000, turns, {
      opened: () => undefined,
      heard: () => (heard += 1),
      frame: (bytes) => void told.push(`frame of ${bytes.length}`),
      ended: (why) => void told.push(why),
    });
    const [guest] = await welcomed;
    const frames = Buffer.concat(Array.from({ length: 8 }, () => frame((writer) => writer.bytes(Buffer.alloc(996)))));
    guest.on('error', () => undefined).write(Buffer.concat([frames, frames.subarray(0, 500)]));
    await until(() => heard > 0, 'the frames');
    equal(told.length, 0, 'their turn comes');
    guest.resetAndDestroy();
    await once(guest, 'close');
    connection.write(Buffer.alloc(1)); // what is written into a broken connection is an error at once
    await new Promise(setImmediate);
    while (told.at(-1)?.startsWith('zk1') !== true) await held.nextTurn();
    deepEqual(told, [...Array.from({ length: 8 }, () => 'frame of 1000'), 'zk1:2181 broke the connection off']);
  });
});
