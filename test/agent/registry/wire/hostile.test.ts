/** What a server may do to us, out of malice or because it is none. Cut at every byte, and ended there: splits.test. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { memory } from '../../../support/memory.js';
import { clock } from '../../../support/running-clock.js';
import { writeTexts } from '../../../../agent/registry/wire/records.js';
import { until } from '../tree-contract.js';
import { FakeServer, frame, writeStat, type Guest, type Script } from './fake-server.js';
import { opened } from './opened.js';

/** A server with the script beside one that is well: the first is tried first, and named in what is told. */
const staged = async (script: Script): Promise<{ bad: FakeServer; told: string }> => {
  const bad = await FakeServer.start(script);
  const good = await FakeServer.start({ id: 7n });
  const one = opened([bad, good]);
  const { server } = await one.up();
  // what came up at the bad one must fall
  const told = server === bad.label ? await one.down() : await one.trouble(new RegExp(`^${bad.label} `));
  await until(() => one.ups.at(-1)?.server === good.label, 'the good server');
  one.client.drop();
  await Promise.all([bad.stop(), good.stop()]);
  ok(told.startsWith(`${bad.label} `), told);
  return { bad, told };
};
const greeted = (after: (guest: Guest) => void): Script => ({
  onGreeting(guest) {
    guest.greet(7n, 6_000);
    after(guest);
  },
});

describe('a hostile server', () => {
  const cases: readonly (readonly [what: string, script: Script, told: RegExp])[] = [
    [
      'speaks HTTP',
      { onGreeting: ({ socket }) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') },
      /sent a packet of 1213486160 bytes/,
    ],
    [
      'sends a negative length',
      { onGreeting: ({ socket }) => socket.write(Buffer.from('ffffffff', 'hex')) },
      /sent a packet of -1 bytes/,
    ],
    ['promises 2 GB', { onGreeting: ({ socket }) => socket.write(Buffer.from('7fffffff00', 'hex')) }, /16777216 are the most/],
    [
      'greets with half a greeting',
      { onGreeting: (guest) => guest.say((writer) => writer.int(0)) },
      /^fake:\d+ sent a packet that ends in the middle of a number/,
    ],
    [
      'greets with another protocol',
      { onGreeting: (guest) => guest.say((writer) => writer.int(9).int(9).long(9n).int(0)) },
      /no greeting/,
    ],
    ['grants no time to who has no session', { onGreeting: (guest) => guest.greet(0n, 0) }, /gives us no session/],
    ['hangs up', { onGreeting: ({ socket }) => socket.destroy() }, /closed the connection|broke/],
    ['answers what nobody asked', greeted((guest) => guest.answer(77)), /sent an answer with the number 77/],
    [
      'answers pings that were not sent',
      greeted((guest) => (guest.answer(-2), guest.answer(-2))),
      /number -2, and nothing is waited for/,
    ],
    [
      'sends an answer of two bytes',
      greeted((guest) => guest.say((writer) => writer.bool(true).bool(true))),
      /ends in the middle/,
    ],
    [
      'sends an event with a path that never ends',
      greeted((guest) => guest.say((writer) => writer.int(-1).long(0n).int(0).int(1).int(3).int(0x7fffffff))),
      /says that a text has 2147483647 bytes/,
    ],
    ['tells of a change of no path', greeted((guest) => guest.event(3, 'a'.repeat(1_000))), /a change of what is no path/],
    [
      'tells of a change at a path that is longer than any',
      greeted((guest) => guest.event(3, '/a'.repeat(1_000_000))),
      /a change of what is no path/,
    ],
    [
      'lets us in and throws us out',
      greeted(({ socket }) => setTimeout(() => socket.destroy(), 5)),
      /closed the connection|broke/,
    ],
  ];
  for (const [what, script, told] of cases) {
    it(`that ${what} is named, left, and another one serves`, async () => {
      match((await staged(script)).told, told);
    });
  }

  const held: readonly (readonly [what: string, onGreeting: (guest: Guest) => void, told: RegExp])[] = [
    ['answers before it greets', (guest) => guest.answer(-2), /answers before it has greeted us/],
    ['tells of events before it greets', (guest) => guest.event(3, '/a'), /what is no greeting/],
    [
      'answers twice what it was asked once',
      (guest) => (guest.greet(7n, 6_000), guest.answer(-2), guest.answer(-2)),
      /number -2/,
    ],
    [
      'says that our session has moved',
      (guest) => (guest.greet(7n, 6_000), guest.answer(-8, -118)),
      /refuses setWatches: SESSION_MOVED \(-118\)/,
    ],
    [
      'speaks without an end, and does not answer',
      (guest) => {
        guest.greet(7n, 300);
        const flood = setInterval(() => guest.event(3, '/b'), 5);
        guest.socket.on('close', () => clearInterval(flood));
      },
      /does not confirm our session in time/,
    ],
  ];
  for (const [what, onGreeting, told] of held) {
    it(`that ${what}, when our session comes to it with its question, is left, and the session goes on`, async () => {
      const good = await FakeServer.start({ id: 7n, onRequest: (guest, { xid }) => guest.answer(xid, xid > 0 ? -101 : 0) });
      const bad = await FakeServer.start({ answersPings: false, onGreeting });
      const one = opened([good, bad]);
      await one.up();
      await one.client.exists('/a', () => undefined);
      good.guests[0]!.socket.destroy();
      match(await one.trouble(new RegExp(`^${bad.label} `)), told);
      deepEqual([(await one.up(2)).server, bad.guests[0]!.greeting!.id, good.guests[1]!.greeting!.id], [good.label, 7n, 7n]);
      deepEqual(one.overs, []);
      one.client.drop();
      await Promise.all([bad.stop(), good.stop()]);
    });
  }

  it('that speaks without an end, and answers pings alone, is left with what it was asked, and the session goes on', async (t) => {
    const bad = await FakeServer.start({
      onGreeting(guest) {
        guest.greet(7n, 1_500);
        const flood = setInterval(() => guest.event(3, '/b'), 5);
        guest.socket.on('close', () => clearInterval(flood));
      },
    });
    const good = await FakeServer.start({ id: 7n, onRequest: (guest, { xid }) => guest.answer(xid, -101) });
    const one = opened([bad, good]);
    t.after(() => (one.client.drop(), Promise.all([bad.stop(), good.stop()])));
    equal((await one.up()).server, bad.label);
    await rejects(one.client.exists('/a'), { code: 'CONNECTION_LOSS' });
    match(await one.down(), new RegExp(`^${bad.label} speaks, and does not answer what it was asked$`));
    deepEqual([(await one.up(2)).server, await one.client.exists('/a'), one.overs], [good.label, undefined, []]);
  });

  it('that drips an answer is left, and one whose line is slow is heard to the end, longer than a timeout', async (t) => {
    const names = Array.from({ length: 80_000 }, (_, index) => `name-${index}`);
    const answer = frame((writer) => writeStat(writeTexts(writer.int(1).long(1n).int(0), names)));
    const slowly = (guest: Guest, bytes: number): void => {
      let at = 0;
      const stop = clock.every(60, () => {
        if (at < answer.length) guest.socket.write(answer.subarray(at, (at += bytes)));
        else stop();
      });
      guest.socket.on('close', stop);
    };
    const starts = (bytes: number): Promise<FakeServer> =>
      FakeServer.start({
        timeoutMs: 600,
        answersPings: false, // nothing comes between the bytes of an answer
        onRequest: (guest, { xid }) => (xid > 0 ? slowly(guest, bytes) : guest.asked.length === 1 && guest.answer(xid)),
      });
    const [slow, drip] = [await starts(64 * 1024), await starts(100)];
    const [one, other] = [opened([slow]), opened([drip])];
    t.after(() => (one.client.drop(), other.client.drop(), Promise.all([slow.stop(), drip.stop()])));
    await Promise.all([one.up(), other.up()]);
    const askedAt = clock.now();
    await Promise.all([
      one.client.getChildren('/a').then((got) => equal(got.names.length, names.length)),
      rejects(other.client.getChildren('/a'), /speaks, and does not answer what it was asked/),
    ]);
    ok(clock.now() - askedAt > 700, 'longer than the timeout');
  });

  it('that answers TLS with something else is told in one line, with what to look at', async (t) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('Invalid command'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const { client, trouble } = opened([{ host: '127.0.0.1', port }], { tls: async () => ({}) });
    t.after(() => (client.drop(), server.close()));
    equal(await trouble(/./), `127.0.0.1:${port} does not speak TLS: is that its port for TLS?`);
  });

  it('that answers out of turn fails what is out, and nothing else', async () => {
    const server = await FakeServer.start({
      onRequest: (guest, { xid }) => guest.answer(xid + 1, 0, writeStat),
    });
    const one = opened([server]);
    await one.up();
    await rejects(
      one.client.exists('/a'),
      /CONNECTION_LOSS|sent an answer with the number 2, and 1 is the next that is waited for/,
    );
    match(await one.down(), /^fake:\d+ sent an answer with the number 2/);
    await one.up(2);
    one.client.drop();
    await server.stop();
  });

  it('that answers what nobody asked is not believed how far the servers are', async () => {
    const bad = await FakeServer.start(greeted((guest) => guest.answer(77, 0, () => undefined, 2n ** 60n)));
    const good = await FakeServer.start({ id: 7n });
    const one = opened([bad, good]);
    await until(() => one.ups.at(-1)?.server === good.label, 'the good server');
    deepEqual([bad.guests.length, good.guests[0]!.greeting!.zxid], [1, 0n]);
    one.client.drop();
    await Promise.all([bad.stop(), good.stop()]);
  });

  it('that confirms our session and errs in one breath was never up, and the next one is greeted before it is asked', async () => {
    const breath = Buffer.concat([-2, 77].map((xid) => frame((writer) => writer.int(xid).long(1n).int(0))));
    const bad = await FakeServer.start({ id: 7n, answersPings: false, onRequest: ({ socket }) => void socket.write(breath) });
    const good = await FakeServer.start({ id: 7n });
    const one = opened([bad, good]);
    const isUp = (): boolean => one.ups.at(-1)?.server === good.label || good.guests.length > 1;
    while (!isUp()) {
      void one.client.exists('/a').catch(() => undefined); // in each turn, as one does who was told that it is up
      await new Promise(setImmediate);
    }
    deepEqual(
      [bad, good].map(({ guests }) => guests.map(({ greeting }) => greeting !== undefined)),
      [[true], [true]],
    );
    deepEqual([one.ups.length, one.downs], [1, []]);
    one.client.drop();
    await Promise.all([bad.stop(), good.stop()]);
  });

  it('that gives a list without an end fails what is out', async () => {
    const server = await FakeServer.start({
      onRequest: (guest, { xid }) => guest.answer(xid, 0, (writer) => writer.int(0x7fffffff)),
    });
    const one = opened([server]);
    await one.up();
    await rejects(one.client.getChildren('/a'), /says that a list has 2147483647 items/);
    one.client.drop();
    await server.stop();
  });

  it('that floods us with events nobody waits for costs no memory', async () => {
    const server = await FakeServer.start({ onRequest: (guest, { xid }) => guest.answer(xid, -101) });
    const one = opened([server]);
    await one.up();
    const [guest] = server.guests;
    const flood = Buffer.concat(
      Array.from({ length: 1_000 }, (_, index) =>
        frame((writer) => writer.int(-1).long(-1n).int(0).int(3).int(3).text(`/flood/${index}`)),
      ),
    );
    const { heap: before } = memory();
    for (let turn = 0; turn < 200; turn++) {
      if (!guest!.socket.write(flood)) await new Promise((resolve) => guest!.socket.once('drain', resolve));
    }
    equal(await one.client.exists('/a'), undefined, 'and we are still served');
    ok(memory().heap - before < 64 * 2 ** 20);
    equal(one.downs.length, 0);
    one.client.drop();
    await server.stop();
  });

  it('may cut its bytes anywhere: what it says is understood the same', async () => {
    const whole = Buffer.concat([
      frame((writer) => writer.int(0).int(6_000).long(5n).bytes(Buffer.alloc(16)).bool(false)),
      frame((writer) => writer.int(-2).long(1n).int(0)),
      frame((writer) => writer.int(-1).long(-1n).int(0).int(3).int(3).text('/é')),
    ]);
    for (let at = 1; at < whole.length; at++) {
      const server = await FakeServer.start({
        answersPings: false,
        onGreeting: ({ socket }) => {
          socket.setNoDelay(true).write(whole.subarray(0, at));
          setImmediate(() => socket.write(whole.subarray(at)));
        },
      });
      const one = opened([server]);
      // the ping of our own is answered by the second packet, which may come before it was sent: then it answers nothing
      await until(() => one.ups.length > 0 || one.troubles.length > 0, 'an end');
      if (one.ups.length === 0) match(one.troubles[0]!, /number -2, and nothing is waited for/);
      one.client.drop();
      await server.stop();
    }
  });

  it('that knows our session no more ends it; one that gives another id ends it too', async () => {
    for (const [id, timeoutMs, why] of [
      [0n, 0, /knows? session 7 no more$/],
      [8n, 6_000, /knows? session 7 no more, and gave us 8$/],
    ] as const) {
      let count = 0;
      const server = await FakeServer.start({
        onGreeting: (guest) => (count++ === 0 ? guest.greet(7n, 6_000) : guest.greet(id, timeoutMs)),
      });
      const one = opened([server]);
      await one.up();
      server.guests[0]!.socket.destroy();
      match(await one.over(), why);
      deepEqual([one.ups.length, server.guests[1]!.greeting?.id], [1, 7n]);
      await rejects(one.client.exists('/'), /the session is over/);
      await server.stop();
    }
  });
});
