/** Plain TCP through a port of its own: raw apps on one side, raw servers on the other. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { RawServer, Wire } from '../support/raw.js';
import { clock } from '../support/running-clock.js';
import { dead, eventually, get, house, ok, standing, type House, type HouseOptions } from './full/house.js';

type Peers = Parameters<typeof house>[1][string];
const database = (t: TestContext, db: Peers, { settings = {}, proxy = {} }: HouseOptions = {}): Promise<House> =>
  house(t, { db }, { settings, proxy, listener: { upstream: 'db', tcp: true } });
const statsOf = ({ upstreams }: House) => upstreams.get('db')!.stats;
/** Greets, and sends back what comes. */
const greeting = (hello = 'hello '): Promise<RawServer> =>
  RawServer.start((wire) => {
    wire.write(hello);
    wire.socket.on('data', (chunk: Buffer) => wire.socket.write(chunk));
    wire.socket.on('end', () => wire.end());
  });
/** A connection that ends in a reset, at once, perhaps before its app has seen that it was accepted, and nothing comes over it. */
const refused = async ({ app }: House): Promise<void> => {
  const wire = await app().catch((error: unknown) => (error as NodeJS.ErrnoException).code);
  if (wire instanceof Wire) deepEqual(await wire.rest(), { text: '', end: 'broken' });
  else equal(wire, 'ECONNRESET');
};
const pouring = async (socket: Wire['socket'], total: number, written: (bytes: number) => void): Promise<void> => {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let sent = 0; sent < total; written((sent += chunk.length)))
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
};

describe('a connection of plain TCP', () => {
  it('carries what the server says first, and every byte after it', async (t) => {
    const built = await database(t, [await greeting()]);
    const wire = await built.app();
    equal(await wire.bytes(6), 'hello ');
    const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
    equal(await wire.write(all).bytes(256), all);
    deepEqual(statsOf(built).tunnelled, { sent: 256, received: 262 });
  });

  it('holds a lease until both sides are closed, and is counted once', async (t) => {
    const built = await database(t, [await greeting()]);
    const wire = await built.app();
    await wire.bytes(6);
    deepEqual([statsOf(built).inFlight, built.proxy.quiet(), [...statsOf(built).calls]], [1, { connections: 1, calls: 1 }, []]);
    equal((await wire.write('bye').end().rest()).text, 'bye');
    await eventually(() => built.proxy.quiet().connections === 0 && built.proxy.quiet().calls === 0);
    deepEqual([statsOf(built).inFlight, [...statsOf(built).calls]], [0, [['ended', 1]]]);
  });

  it('goes to the next endpoint when one refuses, with what the app has sent already', async (t) => {
    const built = await database(t, [await dead('a'), await greeting()]);
    for (let n = 0; n < 4; n++) {
      const wire = (await built.app()).write('early');
      equal(await wire.bytes(11), 'hello early');
      wire.end();
    }
    await eventually(() => statsOf(built).calls.get('ended') === 4);
    equal(statsOf(built).lost, 0);
    equal(statsOf(built).retries > 0 && statsOf(built).attempts === 4 + statsOf(built).retries, true);
  });

  it('is half closed by the app while the server still speaks', async (t) => {
    const server = await RawServer.start(async (wire) => wire.write(`heard ${(await wire.rest()).text.length}`).end());
    const { app } = await database(t, [server]);
    deepEqual(await (await app()).write('x'.repeat(300_000)).end().rest(), { text: 'heard 300000', end: 'ended' });
  });

  it('is half closed by the server while the app still speaks', async (t) => {
    const server = await RawServer.start((wire) => wire.write('bye').end());
    const { app } = await database(t, [server]);
    const wire = await app();
    deepEqual(await wire.rest(), { text: 'bye', end: 'ended' });
    wire.write('still here').end();
    deepEqual(await server.wires[0]!.rest(), { text: 'still here', end: 'ended' });
  });

  for (const side of ['app', 'server'] as const)
    it(`that breaks is a break for the other side too, never an end: the ${side}`, async (t) => {
      const server = await greeting();
      const built = await database(t, [server]);
      const wire = await built.app();
      await wire.bytes(6);
      const [breaks, hears] = side === 'app' ? [wire, server.wires[0]!] : [server.wires[0]!, wire];
      breaks.reset();
      equal((await hears.rest()).end, 'broken');
      await eventually(() => statsOf(built).inFlight === 0 && built.proxy.quiet().connections === 0);
      deepEqual([...statsOf(built).calls], [[side === 'app' ? 'client_gone' : 'cut', 1]]);
      equal(statsOf(built).lost, side === 'app' ? 0 : 1);
    });

  for (const half of ['open', 'ended'] as const)
    it(`whose server breaks right behind its last bytes is a break for the app, whose side is ${half}`, async (t) => {
      const server = await RawServer.start(async (wire) => {
        await (half === 'open' ? wire.bytes(5) : wire.rest());
        wire.write('half a dump').reset();
      });
      const built = await database(t, [server]);
      const wire = (await built.app()).write('query');
      if (half === 'ended') wire.end();
      deepEqual(await wire.rest(), { text: 'half a dump', end: 'broken' });
      await eventually(() => statsOf(built).calls.size > 0);
      deepEqual([...statsOf(built).calls], [['cut', 1]]);
    });

  it('whose app breaks right behind its last bytes is a break for the server', async (t) => {
    const server = await greeting();
    const built = await database(t, [server]);
    const wire = await built.app();
    await wire.bytes(6);
    wire.write('half an upload').reset();
    equal((await server.wires[0]!.rest()).end, 'broken');
    await eventually(() => statsOf(built).calls.size > 0);
    deepEqual([...statsOf(built).calls], [['client_gone', 1]]);
  });

  it('whose app has gone for good while the server still speaks takes the server along', async (t) => {
    const server = await RawServer.start(async (wire) => {
      await wire.rest();
      while (!wire.socket.destroyed) {
        wire.write('x'.repeat(10_000));
        await clock.sleep(1);
      }
    });
    const built = await database(t, [server]);
    const wire = (await built.app()).end();
    await wire.bytes(10);
    wire.socket.destroy();
    await server.wires[0]!.gone();
    await eventually(() => statsOf(built).inFlight === 0);
  });

  it('that is silent for too long is over, one that is not goes on, and nobody is blamed', async (t) => {
    const built = await database(t, [await greeting()], { settings: { tunnelIdleTimeoutMs: 1_500, bodyTimeoutMs: 50 } });
    const wire = await built.app();
    await wire.bytes(6);
    for (let n = 0; n < 8; n++) {
      await wire.write('ping').bytes(4);
      await clock.sleep(300);
    }
    equal((await wire.rest()).end, 'broken');
    await eventually(() => statsOf(built).inFlight === 0);
    deepEqual(
      [[...statsOf(built).calls], statsOf(built).lost, built.upstreams.get('db')!.states().closed],
      [[['tunnel_idle', 1]], 0, 1],
    );
  });

  for (const reader of ['app', 'server'] as const)
    it(`piles nothing up for a slow reader: the ${reader}`, async (t) => {
      const total = 64 * 1024 * 1024;
      let written = 0;
      const count = (bytes: number): void => void (written = bytes);
      const server = await RawServer.start((wire) => {
        if (reader === 'server') wire.socket.pause();
        else void pouring(wire.socket, total, count);
      });
      const { app } = await database(t, [server]);
      const wire = await app();
      if (reader === 'app') wire.socket.pause();
      else void pouring(wire.socket, total, count);
      await eventually(() => written > 0);
      const stalled = await standing(() => written);
      const slow = reader === 'app' ? wire : server.wires[0]!;
      let came = slow.unread.length;
      slow.socket.removeAllListeners('data').on('data', (part: Buffer) => (came += part.length));
      slow.socket.resume();
      await eventually(() => came >= total);
      equal(stalled < total / 2, true, `${stalled} bytes went off while nobody read`);
    });

  it('to an endpoint that has left the list goes on, and the next one goes elsewhere', async (t) => {
    const [first, second] = [await greeting('first '), await greeting('second')];
    const built = await database(t, [first]);
    t.after(() => second.stop());
    const wire = await built.app();
    await wire.bytes(6);
    built.upstreams.get('db')!.update([second.endpoint('b')]);
    equal(await (await built.app()).bytes(6), 'second');
    equal(await wire.write('still').bytes(5), 'still');
  });
});

describe('a connection of plain TCP for which nobody is there', () => {
  it('is reset at once, and why is told once, until one succeeds', async (t) => {
    const server = await greeting();
    t.after(() => server.stop());
    const built = await database(t, []);
    const told = (): unknown[] =>
      built.facts.flatMap((fact) => (fact.kind === 'connections_refused' ? [[fact.code, fact.why]] : []));
    for (let n = 0; n < 3; n++) await refused(built);
    const why = 'no endpoints for "db" in /services/db: is it registered? zidecar why db';
    deepEqual(told(), [['no_endpoints', why]]);
    deepEqual([...statsOf(built).calls], [['no_endpoints', 3]]);
    built.upstreams.get('db')!.update([server.endpoint('a')]);
    equal(await (await built.app()).bytes(6), 'hello ');
    built.upstreams.get('db')!.update([]);
    await refused(built);
    deepEqual(told().length, 2);
  });

  it('is reset when all refuse, which opens their circuits, and then at once', async (t) => {
    const built = await database(t, [await dead('a')]);
    for (let n = 0; n < 3; n++) await refused(built);
    deepEqual(
      [...statsOf(built).calls],
      [
        ['connect_refused', 2],
        ['all_open', 1],
      ],
    );
    equal(built.upstreams.get('db')!.states().open, 1);
    equal(statsOf(built).attempts, 5);
  });

  it('is reset when the first list does not come', async (t) => {
    const built = await database(t, undefined);
    await refused(built);
    deepEqual([...statsOf(built).calls], [['discovering', 1]]);
  });

  it('is given up when the app goes away before, and nothing is told', async (t) => {
    const built = await database(t, undefined);
    const wire = await built.app();
    await eventually(() => built.proxy.quiet().calls === 1);
    wire.reset();
    await eventually(() => built.proxy.quiet().calls === 0);
    deepEqual([[...statsOf(built).calls], built.facts], [[['client_gone', 1]], []]);
  });

  it('is reset when its upstream is not known', async (t) => {
    const built = await house(t, {}, { listener: { upstream: 'db', tcp: true } });
    await refused(built);
    deepEqual([...built.proxy.strays.calls], [['unknown_upstream', 1]]);
  });
});

describe('plain TCP', () => {
  it('tells of every connection and every attempt where it was asked for', async (t) => {
    const server = await greeting();
    const built = await database(t, [server], { proxy: { accessLog: true, traced: () => true } });
    const wire = await built.app();
    await wire.bytes(6);
    await wire.end().rest();
    await eventually(() => statsOf(built).inFlight === 0);
    const about = { upstream: 'db', endpoint: `127.0.0.1:${server.port}` };
    deepEqual(
      built.facts.flatMap((fact) => ('ms' in fact ? [{ ...fact, ms: 0 }] : [])),
      [
        { kind: 'attempt_ended', ...about, result: 'connected', ms: 0 },
        { kind: 'connection_ended', ...about, attempts: 1, ms: 0 },
      ],
    );
  });

  it('upstreams are not spoken to in HTTP, which their endpoints would be blamed for', async (t) => {
    const server = await greeting();
    const http = { kind: 'tcp', host: '127.0.0.1', port: 0, setting: 'ZIDECAR_OUTBOUND' } as const;
    const db = { ...http, upstream: 'db', tcp: true } as const;
    const { ask } = await house(
      t,
      { db: [server], orders: [await RawServer.always(ok())] },
      { proxy: { listeners: [http, db] } },
    );
    match(await ask(get().replace('orders', 'db')), /^HTTP\/1\.1 404 (?:.|\r\n)*unknown_upstream(?:.|\r\n)*reached by plain TCP/);
    match(await ask(get()), /200 OK/);
    equal(server.wires.length, 0);
  });

  it('goes on while the proxy drains, and ends in order when it closes', async (t) => {
    const server = await greeting();
    const built = await database(t, [server]);
    const wire = await built.app();
    await wire.bytes(6);
    built.proxy.drain();
    equal(await wire.write('still').bytes(5), 'still');
    equal(await (await built.app()).bytes(6), 'hello ', 'the app may open more of them');
    const closing = built.proxy.close();
    equal((await wire.rest()).end, 'ended');
    equal((await server.wires[0]!.rest()).end, 'ended');
    wire.end();
    await closing;
    deepEqual(built.proxy.quiet(), { connections: 0, calls: 0 });
  });
});
