/** What a client keeps over lost connections, on a real server behind a line that a test can break. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Client, ClientOptions } from '../../../../agent/registry/wire/client.js';
import type { Mechanism } from '../../../../agent/registry/wire/login.js';
import type { WatchEvent } from '../../../../agent/registry/wire/watches.js';
import { clock } from '../../../../agent/system.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, until } from '../tree-contract.js';
import { BadLine } from './bad-line.js';
import { FakeServer, writeStat, type Asked, type Guest } from './fake-server.js';
import { opened } from './opened.js';

/** addWatch and setWatches2. */
const [ADD_WATCH, SET_WATCHES_2] = [106, 105];
const SET_WATCHES = [101, SET_WATCHES_2];
const [EXISTS, PING, AUTH, SASL] = [3, 11, 100, 102];

describe('over a lost connection', { skip: !requireZooKeeper() }, () => {
  let server: ZooKeeperServer;
  let other: Client;
  let line: BadLine;
  before(async () => {
    server = await ZooKeeperServer.start();
    const one = opened([server], { timeoutMs: 30_000 });
    other = one.client;
    await one.up();
  });
  after(async () => {
    await other.close();
    await server.remove();
  });
  afterEach(() => line.stop());

  const recorder = (): { readonly heard: string[]; readonly listen: (event: WatchEvent) => void } => {
    const heard: string[] = [];
    return { heard, listen: ({ type, path }) => void heard.push(`${type} ${path}`) };
  };
  const onLine = async (): Promise<ReturnType<typeof opened>> => {
    line = await BadLine.to(server);
    const one = opened([line], { timeoutMs: 30_000 });
    await one.up();
    return one;
  };
  const armed = async (): Promise<number> => Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]);

  it('no event is lost, what did not change is not told, and all is told before it is up again', async () => {
    const { client, up, down, ups } = await onLine();
    for (const name of ['', '/changed', '/same', '/gone', '/list', '/quiet']) await other.create(`/kept${name}`);
    const { heard, listen } = recorder();
    for (const name of ['changed', 'same', 'gone']) await client.getData(`/kept/${name}`, listen);
    for (const name of ['list', 'quiet']) await client.getChildren(`/kept/${name}`, listen);
    for (const name of ['coming', 'absent']) equal(await client.exists(`/kept/${name}`, listen), undefined);
    const { id } = ups[0]!;
    line.cut();
    await down();
    await rejects(client.exists('/kept'), /exists \/kept: there is no connection/);
    await other.setData('/kept/changed', bytes('x'));
    await other.delete('/kept/gone');
    await other.create('/kept/list/child');
    await other.create('/kept/coming');
    line.heal();
    equal((await up(2)).id, id);
    deepEqual(heard.splice(0).sort(), [
      'changed /kept/changed',
      'children_changed /kept/list',
      'created /kept/coming',
      'deleted /kept/gone',
    ]);
    await other.setData('/kept/same', bytes('y'));
    await other.create('/kept/absent');
    await other.create('/kept/quiet/child');
    await client.sync('/');
    deepEqual(heard.sort(), ['changed /kept/same', 'children_changed /kept/quiet', 'created /kept/absent']);
    await client.close();
  });

  it('a recursive watch stays, and one-shot watches below it hear what they missed', async () => {
    const { client, up, down } = await onLine();
    await other.create('/below');
    for (let index = 0; index < 50; index++) await other.create(`/below/${index}`);
    const [lasting, once] = [recorder(), recorder()];
    const before = await armed();
    await client.addWatch('/below', 'recursive', lasting.listen);
    await client.getChildren('/below', once.listen);
    for (let index = 0; index < 50; index++) await client.getData(`/below/${index}`, once.listen);
    equal((await armed()) - before, 1, 'fifty nodes and their list cost the server one watch');
    line.cut();
    await down();
    await other.setData('/below/7', bytes('x'));
    await other.delete('/below/8');
    line.heal();
    await up(2);
    deepEqual(once.heard.splice(0).sort(), ['changed /below/7', 'children_changed /below', 'deleted /below/8']);
    lasting.heard.length = 0;
    await other.setData('/below/9', bytes('x'));
    await other.setData('/below/9', bytes('y'));
    await other.create('/below/new');
    await client.sync('/');
    deepEqual(once.heard, ['changed /below/9']);
    deepEqual(lasting.heard, ['changed /below/9', 'changed /below/9', 'created /below/new']);
    await client.close();
  });

  it('thousands of watches are told in packets that a server takes, again when the connection breaks meanwhile', async () => {
    const one = await onLine();
    const { client, up, down } = one;
    const { heard, listen } = recorder();
    const long = (index: number): string => `/${String(index).padStart(6, '0')}${'x'.repeat(500)}`;
    await other.create(long(4_999));
    await Promise.all(Array.from({ length: 5_000 }, (_, index) => client.exists(long(index), listen)));
    ok((5_000 * 500) / (1024 * 1024) > 2, 'more than a server takes in one packet');
    line.cut();
    await down();
    await other.create(long(0));
    await other.setData(long(4_999), bytes('x'));
    let packets = 0;
    line.asked = (op) => {
      if (SET_WATCHES.includes(op) && ++packets === 8) line.cut(); // in the middle of it
    };
    line.heal();
    await until(() => packets >= 8, 'the middle of it');
    line.asked = undefined;
    line.heal();
    await up(2);
    deepEqual([...new Set(heard)].sort(), [`created ${long(0)}`, `changed ${long(4_999)}`].sort());
    equal(client.watches, 4_998);
    await client.close();
  });

  it('a line that carries 64 KiB in each timeout brings all watches to the server, though that takes longer than the session lives', async () => {
    line = await BadLine.to(server);
    const second = await BadLine.to(server); // that answers meanwhile, as another server does
    const one = opened([line, second], { timeoutMs: 8_000 }); // which outlives a moment in which the machine stands still
    const { id, timeoutMs } = await one.up();
    const path = (index: number): string => `/slow/${'x'.repeat(100)}-${index}`;
    const { heard, listen } = recorder();
    await Promise.all(Array.from({ length: 1_500 }, (_, index) => one.client.exists(path(index), listen)));
    for (const each of [line, second]) each.cut();
    await one.down();
    await other.create('/slow');
    await other.create(path(7));
    const healedAt = performance.now();
    for (const each of [line, second]) {
      each.upward = 64 * 1024 * (1_000 / timeoutMs);
      each.heal();
    }
    equal((await one.up(2)).id, id);
    ok(performance.now() - healedAt > 2 * timeoutMs, 'twice as long');
    deepEqual(heard, [`created ${path(7)}`]);
    one.client.drop();
    await second.stop();
  });

  it('a write that takes a line longer than the session lives fails and says so, and the session goes on', async () => {
    line = await BadLine.to(server);
    const one = opened([line], { timeoutMs: 8_000 });
    const { id } = await one.up();
    await one.client.create('/wide', bytes('x'), { mode: 'ephemeral' });
    line.upward = 60_000;
    await rejects(one.client.setData('/wide', Buffer.alloc(900_000)), {
      code: 'CONNECTION_LOSS',
      message: /carry \d+ kB\/s for a question of 9000\d\d bytes/,
    });
    equal((await one.up(2)).id, id);
    line.upward = 0; // the line has noticed by now that nobody waits for the rest
    equal((await one.client.exists('/wide'))?.version, 0);
    await one.client.close();
  });

  it('a write that is out fails as one that may have been done, and is not sent again', async () => {
    const { client, up } = await onLine();
    await other.create('/once', bytes(''));
    line.delay = 3_600_000;
    const write = client.setData('/once', bytes('x'));
    await until(async () => (await other.getData('/once')).stat.version === 1, 'the write to be done');
    line.cut();
    await rejects(write, (error: { code?: string; message: string }) => {
      equal(error.code, 'CONNECTION_LOSS');
      match(error.message, /^setData \/once: 127\.0\.0\.1:\d+ /);
      return true;
    });
    line.delay = 0;
    line.heal();
    await up(2);
    equal((await client.getData('/once')).stat.version, 1);
    await client.close();
  });

  it('a line that splits everything into single bytes, slowly, changes nothing', async () => {
    const { client } = await onLine();
    await other.create('/split', bytes('0123456789'));
    const { heard, listen } = recorder();
    line.split = 1;
    equal((await client.getData('/split', listen)).data.toString(), '0123456789');
    await other.setData('/split', bytes('x'));
    const later = await client.getData('/split');
    deepEqual([later.data.toString(), heard], ['x', ['changed /split']], 'the event came before the read that shows its change');
    await client.close();
  });

  it('an answer that takes longer than the session lives does not end it: pings leave meanwhile', async () => {
    line = await BadLine.to(server);
    const one = opened([line], { timeoutMs: 8_000 });
    const { timeoutMs } = await one.up();
    const data = Buffer.alloc(900_000, 'x');
    await one.client.create('/long', data, { mode: 'ephemeral' });
    [line.split, line.delay] = [16 * 1024, 300];
    const askedAt = performance.now();
    const got = await one.client.getData('/long');
    ok(performance.now() - askedAt > 2 * timeoutMs, 'longer than a server keeps whom it does not hear');
    [line.split, line.delay] = [0, 0];
    deepEqual([got.data.equals(data), (await one.client.exists('/long'))?.dataLength], [true, data.length]);
    deepEqual([one.downs, one.ups.length], [[], 1]);
    await one.client.close();
  });

  it('a damaged byte ends in an answer, another connection or another session, and never in a crash', async () => {
    await other.create('/damaged', bytes('data'));
    line = await BadLine.to(server);
    const open = (): ReturnType<typeof opened> => opened([line], { timeoutMs: 1_200 });
    let one = open();
    const isWell = async (): Promise<boolean> => {
      if (one.overs.length > 0) one = open(); // a zxid far ahead, or another id: the servers and we agree no more
      return (await one.client.exists('/damaged').catch(() => undefined)) !== undefined;
    };
    for (let round = 0, seed = 1; round < 15; round++) {
      await until(isWell, `a connection that is well, in round ${round}`);
      line.damage = (chunk) => {
        seed = (seed * 48_271) % 0x7fffffff;
        chunk[seed % Math.min(24, chunk.length)]! ^= 1 << (seed % 8);
        line.damage = undefined;
        return chunk;
      };
      await one.client.getData('/damaged').catch(() => undefined);
    }
    await until(isWell, 'a connection that is well');
    await one.client.close();
  });

  it('a server before 3.6 says that it knows no lasting watch, and is not told of any', async () => {
    const { client, up, down } = await onLine();
    line.unknownOp = ADD_WATCH;
    await rejects(
      client.addWatch('/old', 'recursive', () => undefined),
      /addWatch \/old: UNIMPLEMENTED/,
    );
    await up(2); // it ends the connection too, and is not asked again
    await rejects(
      client.addWatch('/old', 'recursive', () => undefined),
      /UNIMPLEMENTED \(-6\), says a server that was asked before/,
    );
    const { heard, listen } = recorder();
    await client.exists('/old', listen);
    line.unknownOp = SET_WATCHES_2;
    line.cut();
    await down(2);
    line.heal();
    await up(3);
    await other.create('/old');
    await client.sync('/');
    deepEqual(heard, ['created /old']);
    await client.close();
  });

  it('a session that comes to a server before 3.6 loses its lasting watches, says so, and keeps the others', async () => {
    const { client, up, down } = await onLine();
    await other.create('/back');
    const [lasting, once] = [recorder(), recorder()];
    await client.addWatch('/back', 'recursive', lasting.listen);
    await client.getData('/back', once.listen);
    await client.getChildren('/back', once.listen);
    line.unknownOp = SET_WATCHES_2;
    line.cut();
    await down();
    await other.create('/back/a');
    line.heal();
    await up(2);
    deepEqual([lasting.heard, once.heard], [['removed /back'], ['children_changed /back']]);
    await other.setData('/back', bytes('x'));
    await client.sync('/');
    deepEqual(once.heard, ['children_changed /back', 'changed /back']);
    equal(client.watches, 0);
    await client.close();
  });
});

describe('a reconnect', () => {
  /** Lets everybody in; what it does when it is told of watches is for the test. */
  const lost = async (
    onWatches: (guest: Guest, xid: number) => void,
    options: Partial<ClientOptions> = {},
  ): Promise<{ readonly server: FakeServer; readonly one: ReturnType<typeof opened> }> => {
    const server = await FakeServer.start({
      answersPings: false,
      onRequest(guest, { xid, op }) {
        if (SET_WATCHES.includes(op)) onWatches(guest, xid);
        else if (server.guests.length === 1) guest.answer(xid, 0, op === EXISTS ? writeStat : undefined);
      },
    });
    const one = opened([server], options);
    await one.up();
    await one.client.exists('/a', () => undefined);
    server.guests[0]!.socket.destroy();
    return { server, one };
  };

  it('moves its session to another server with its id and its password', async () => {
    const password = Buffer.from('0123456789abcdef');
    const script = { onGreeting: (guest: Guest) => guest.greet(77n, 30_000, password) };
    const servers = [await FakeServer.start(script), await FakeServer.start(script)] as const;
    const one = opened(servers);
    const { server: first } = await one.up();
    const [from, to] = first === servers[0].label ? servers : ([servers[1], servers[0]] as const);
    from.guests[0]!.socket.destroy();
    equal((await one.up(2)).server, to.label);
    const { id, password: shown } = to.guests[0]!.greeting!;
    deepEqual([id, Buffer.from(shown).toString()], [77n, '0123456789abcdef']);
    one.client.drop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('waits once for both answers, that of its ping and that to its watches', async () => {
    const { server, one } = await lost((guest, xid) => {
      guest.answer(-2);
      guest.answer(xid);
    });
    await one.up(2);
    one.client.drop();
    await server.stop();
  });

  it('at a server that does not know its login loses no lasting watch', async () => {
    const server = await FakeServer.start({
      onRequest(guest, { xid, op }) {
        if (op === SASL && server.guests.length === 2) {
          guest.answer(xid, -6);
          guest.socket.end();
        } else guest.answer(xid, 0, op === SASL ? (writer) => writer.bytes(Buffer.alloc(0)) : undefined);
      },
    });
    const sasl = (): Mechanism => ({ first: async () => Buffer.from('us'), next: async () => undefined });
    const one = opened([server], { login: { credentials: [], sasl } });
    await one.up();
    const heard: string[] = [];
    await one.client.addWatch('/a', 'recursive', ({ type }) => void heard.push(type));
    server.guests[0]!.socket.destroy();
    await one.up(2);
    deepEqual([heard, one.client.isWatched('recursive', '/a'), server.guests.length], [[], true, 3]);
    ok(server.guests[2]!.asked.some(({ op }) => op === SET_WATCHES_2));
    one.client.drop();
    await server.stop();
  });

  it('tells its watches once in vain, and then nobody who has not greeted it', async () => {
    const server = await FakeServer.start({
      answersPings: false,
      onGreeting: (guest) => {
        const turn = server.guests.length;
        if (turn === 1 || turn === 5) return guest.greet(7n, 30_000);
        // what left with the greeting is heard before the end of it
        const isTold = (): boolean => turn > 2 || guest.asked.length === 2;
        void until(isTold, 'the watches of the first try').then(() => guest.socket.end());
      },
      onRequest: (guest, { xid }) => {
        if (guest.hasSpoken) guest.answer(xid, 0, xid > 0 ? writeStat : undefined);
      },
    });
    const one = opened([server]);
    await one.up();
    await one.client.exists('/a', () => undefined);
    server.guests[0]!.socket.destroy();
    await one.up(2);
    const told = server.guests.slice(1).map(({ asked }) => asked.some(({ op }) => SET_WATCHES.includes(op)));
    deepEqual(told, [true, false, false, true]);
    one.client.drop();
    await server.stop();
  });

  it('waits ever longer for a server that lets it in and throws it out when it is told of watches', async () => {
    const pauses: number[] = [];
    const { server, one } = await lost(
      (guest) => {
        guest.answer(-2);
        guest.socket.end();
      },
      {
        random: () => 1,
        clock: { ...clock, sleep: (ms) => (ms > 0 && pauses.push(ms), clock.sleep(ms > 0 ? 1 : 0)) },
      },
    );
    await until(() => pauses.length >= 7, 'the pauses');
    one.client.drop();
    deepEqual(pauses.slice(0, 7), [20, 40, 80, 160, 320, 640, 1_000]);
    await server.stop();
  });

  const sent: readonly (readonly [what: string, watches: number, isKnown: boolean, ops: readonly number[]])[] = [
    ['sends its question and its watches with the greeting, in no turn of their own', 3, false, [PING, SET_WATCHES[0]!]],
    ['waits with many watches until the server has proven to be one', 300, false, []],
    ['waits with them until it has said who it is', 3, true, []],
  ];
  for (const [what, watches, isKnown, ops] of sent) {
    it(what, async () => {
      const seen: (readonly number[])[] = [];
      const greet = async (guest: Guest): Promise<void> => {
        if (guest.greeting!.id !== 0n) {
          await until(() => guest.asked.length >= ops.length, 'what is sent with the greeting');
          seen.push(guest.asked.map(({ op }) => op));
        }
        guest.greet(7n, 30_000);
        greeted.add(guest);
        for (const asked of guest.asked) answer(guest, asked);
      };
      const greeted = new Set<Guest>();
      const answer = (guest: Guest, { xid }: Asked): void => guest.answer(xid, 0, xid > 0 ? writeStat : undefined);
      const server = await FakeServer.start({
        answersPings: false,
        onGreeting: (guest) => void greet(guest),
        onRequest: (guest, asked) => (greeted.has(guest) ? answer(guest, asked) : undefined), // as real ones read on
      });
      const login = { credentials: isKnown ? [{ scheme: 'digest', secret: Buffer.from('a:b') }] : [] };
      const one = opened([server], { login });
      await one.up();
      for (let index = 0; index < watches; index++) await one.client.exists(`/${index}`, () => undefined);
      server.guests[0]!.socket.destroy();
      await one.up(2);
      deepEqual(seen, [ops]);
      const [, guest] = server.guests;
      deepEqual([...new Set(guest!.asked.map(({ op }) => op))].filter((op) => op !== AUTH).sort(), [PING, SET_WATCHES[0]].sort());
      one.client.drop();
      await server.stop();
    });
  }

  const steps: readonly (readonly [what: string, count: number, upMs: number, pauses: readonly number[]])[] = [
    ['goes to the others at once, and pauses before it asks them all again', 3, 1_000, [0, 0, 0, 0, 1]],
    ['pauses first when it had just come', 3, 999, [0, 1, 1, 1, 2]],
    ['pauses first when there is nobody else', 1, 1_000, [0, 1, 2]],
  ];
  for (const [what, count, upMs, pauses] of steps) {
    it(what, async () => {
      let [now, slept] = [0, 0];
      const before: number[] = [];
      const onGreeting = (guest: Guest): void => {
        if (before.push(slept) === 1) guest.greet(7n, 30_000);
        else guest.socket.destroy();
      };
      const servers = await Promise.all(Array.from({ length: count }, () => FakeServer.start({ onGreeting })));
      const held = { ...clock, now: () => now, sleep: () => (slept++, clock.sleep(1)) };
      const one = opened(servers, { clock: held });
      await one.up();
      now = upMs;
      servers[0]!.guests[0]!.socket.destroy();
      await until(() => before.length >= pauses.length, 'the rounds');
      one.client.drop();
      deepEqual(before.slice(0, pauses.length), pauses);
      await Promise.all(servers.map((server) => server.stop()));
    });
  }
});
