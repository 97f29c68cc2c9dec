/** Websockets through the full lane, between a real client (undici's) and a server that sees each frame. */
import { deepEqual, equal, match, ok as isTrue } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'undici';
import { RawServer, type Wire } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { connected, echo, opcode, webSocketServer, type Client, type Frame, type Peer } from '../../support/websocket.js';
import { dead, eventually, handshake, house, standing, switching, type House, type HouseOptions } from './house.js';

const between = async (
  t: TestContext,
  script: (peer: Peer) => unknown,
  options: HouseOptions = {},
): Promise<[Client, House, RawServer]> => {
  const server = await webSocketServer(script);
  const built = await house(t, { orders: [server] }, options);
  return [await connected(`${built.at}/svc/orders/chat`), built, server];
};

describe('a websocket', () => {
  it('carries messages of every length, text and binary', async (t) => {
    const [client] = await between(t, echo);
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 1024 * 1024]) {
      const message = randomBytes(length);
      client.socket.send(message);
      equal((await client.message()).equals(message), true, `${length} bytes`);
    }
    client.socket.send('öäü ✓');
    equal((await client.message()).toString(), 'öäü ✓');
  });

  it('keeps the fragments of a message apart, with a ping between them that is answered', async (t) => {
    let pong: Frame | undefined;
    const [client] = await between(t, async (peer) => {
      peer.send(opcode.text, 'one ', false);
      peer.send(opcode.ping, 'in between');
      peer.send(opcode.continuation, 'message', true);
      pong = await peer.frame();
    });
    equal((await client.message()).toString(), 'one message');
    await eventually(() => pong !== undefined);
    deepEqual([pong!.opcode, pong!.payload.toString()], [opcode.pong, 'in between']);
  });

  for (const [code, reason] of [
    [1000, ''],
    [1001, 'going away'],
    [1011, 'trouble'],
    [4321, 'ours'],
  ] as const)
    it(`is closed by the server with its code and reason: ${code}`, async (t) => {
      const [client, built] = await between(t, async (peer) => {
        peer.close(code, reason);
        await peer.frame();
        peer.wire.end();
      });
      deepEqual(await client.closed(), { code, reason, clean: true });
      await eventually(() => built.upstreams.get('orders')!.stats.inFlight === 0 && built.proxy.quiet().connections === 0);
    });

  it('is closed by the app with its code and reason', async (t) => {
    let got: Frame | undefined;
    const [client, built] = await between(t, async (peer) => {
      got = await peer.frame();
      peer.send(opcode.close, got.payload);
      peer.wire.end();
    });
    client.socket.close(4001, 'bye');
    deepEqual(await client.closed(), { code: 4001, reason: 'bye', clean: true });
    deepEqual([got!.opcode, got!.payload.readUInt16BE(), got!.payload.toString('utf8', 2)], [opcode.close, 4001, 'bye']);
    await eventually(() => built.proxy.quiet().calls === 0);
  });

  it('that breaks is no clean close for the other side', async (t) => {
    const [client, , server] = await between(t, echo);
    server.wires[0]!.reset();
    const { code, clean } = await client.closed();
    deepEqual([code, clean], [1006, false]);
  });

  it('may be silent for longer than any limit but its own', async (t) => {
    const short = {
      connectTimeoutMs: 1_000,
      requestTimeoutMs: 1_000,
      responseTimeoutMs: 1_000,
      bodyTimeoutMs: 1_000,
      idleTimeoutMs: 1_000,
    };
    const limits = { settings: short, proxy: { headerTimeoutMs: 1_000, clientIdleTimeoutMs: 1_000, uploadLingerMs: 1_000 } };
    const [client] = await between(t, echo, limits);
    await clock.sleep(3_000);
    client.socket.send('still');
    equal((await client.message()).toString(), 'still');
  });

  it('is a call in flight, whose bytes are counted', async (t) => {
    const [client, built] = await between(t, echo);
    const { stats } = built.upstreams.get('orders')!;
    client.socket.send('12345');
    await client.message();
    equal(stats.inFlight, 1);
    deepEqual(stats.tunnelled, { sent: 5 + 6, received: 5 + 2 });
    client.socket.close();
    await client.closed();
    await eventually(() => stats.inFlight === 0);
  });

  for (const [what, peers, status, code] of [
    ['is registered', async () => [], 503, 'no_endpoints'],
    ['listens', async () => [await dead('a')], 502, 'connect_refused'],
  ] as const)
    it(`is refused while nobody ${what}`, async (t) => {
      const built = await house(t, { orders: await peers() });
      const { text } = await (await built.app()).write(handshake()).rest();
      match(text, new RegExp(`^HTTP/1\\.1 ${status} (?:.|\\r\\n)*x-zidecar-error: ${code}\\r\\n`));
      const socket = new WebSocket(`ws://${built.at}/svc/orders/`);
      await once(socket as unknown as EventTarget, 'error');
    });

  for (const reader of ['app', 'server'] as const)
    it(`piles nothing up for a slow reader: the ${reader}`, async (t) => {
      const total = 64 * 1024 * 1024;
      let written = 0;
      const pour = async ({ socket }: Wire): Promise<void> => {
        const chunk = Buffer.alloc(64 * 1024, 'x');
        for (; written < total; written += chunk.length)
          if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
      };
      const server = await RawServer.start(async (wire) => {
        await wire.head();
        wire.write(switching());
        if (reader === 'server') wire.socket.pause();
        else await pour(wire);
      });
      const { app } = await house(t, { orders: [server] });
      const wire = (await app()).write(handshake());
      await wire.head();
      if (reader === 'app') wire.socket.pause();
      else void pour(wire);
      await eventually(() => written > 0);
      const stalled = await standing(() => written);
      const slow = reader === 'app' ? wire : server.wires[0]!;
      let came = slow.unread.length;
      slow.socket.removeAllListeners('data').on('data', (part: Buffer) => (came += part.length));
      slow.socket.resume();
      await eventually(() => came >= total);
      equal(stalled < total / 2, true, `${stalled} bytes went off while nobody read`);
    });
});

describe('a websocket of a sidecar that stops', () => {
  it('goes on while it drains, and is closed with 1001 on both sides when it closes, after what was on its way', async (t) => {
    const got: string[] = [];
    let last: Frame | undefined;
    const [client, built, server] = await between(t, async (peer) => {
      for (;;) {
        last = await peer.frame();
        if (last.opcode === opcode.close) return;
        got.push(last.payload.toString());
        peer.send(opcode.text, last.payload);
      }
    });
    built.proxy.drain();
    client.socket.send('still');
    equal((await client.message()).toString(), 'still');
    equal(built.proxy.quiet().calls, 1);
    const closing = built.proxy.close();
    deepEqual(await client.closed(), { code: 1001, reason: '', clean: true });
    const wire = server.wires[0]!;
    equal((await wire.rest()).end, 'ended');
    deepEqual(last, { opcode: opcode.close, final: true, payload: Buffer.from([0x03, 0xe9]) });
    equal(built.proxy.quiet().calls, 1, 'it is waited for');
    wire.write('last words').end();
    await closing;
    deepEqual(got, ['still']);
    deepEqual(built.proxy.quiet(), { connections: 0, calls: 0 });
  });

  it('is broken, not ended, when it does not pause: an end in the middle of a stream would be a lie', async (t) => {
    const pouring = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(switching());
      while (!wire.socket.destroyed) {
        wire.write('x'.repeat(10_000));
        await clock.sleep(5);
      }
    });
    const built = await house(t, { orders: [pouring] });
    const wire = (await built.app()).write(handshake());
    await wire.head();
    await wire.bytes(10_000);
    await built.proxy.close();
    // who reads at the moment of a reset may be told of an end by libuv, if it comes right behind bytes; who only writes never is
    equal((await pouring.wires[0]!.rest()).end, 'broken');
    await wire.gone();
  });

  it('gets no frame into the middle of another one: who stands there for a second is broken', async (t) => {
    const server = await webSocketServer(async (peer) => {
      await peer.frame();
      peer.wire.write(Buffer.from([0x82, 0x05]), 'hal'); // two bytes are missing
    });
    const built = await house(t, { orders: [server] });
    const wire = (await built.app()).write(handshake());
    await wire.head();
    wire.write(Buffer.from([0x81, 0x80, 1, 2, 3, 4]));
    equal(await wire.bytes(5), '\x82\x05hal');
    await built.proxy.close();
    for (const side of [wire, server.wires[0]!]) deepEqual(await side.rest(), { text: '', end: 'broken' });
    deepEqual(built.proxy.quiet(), { connections: 0, calls: 0 });
  });

  it('gets no second close frame behind the one of its other side, and none where what it carries are no frames', async (t) => {
    let peer: Peer | undefined;
    const server = await webSocketServer((opened) => {
      peer = opened;
      if (server.wires.length === 2) opened.wire.write('no frames');
      else opened.close(4000, 'bye');
    });
    const built = await house(t, { orders: [server] });
    const wires = [];
    for (const came of ['\x88\x05\x0f\xa0bye', 'no frames']) {
      const wire = (await built.app()).write(handshake());
      await wire.head();
      equal(await wire.bytes(came.length), came);
      wires.push(wire);
    }
    const closing = built.proxy.close();
    for (const wire of wires) deepEqual(await wire.rest(), { text: '', end: 'ended' });
    for (const wire of [...wires, ...server.wires]) wire.end();
    await closing;
    isTrue(peer);
    equal((await server.wires[0]!.rest()).text, '\x88\x82\0\0\0\0\x03\xe9', 'the app has not said goodbye');
  });

  it('is cut after a second when a side does not go', async (t) => {
    const stubborn = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(switching());
    });
    const built = await house(t, { orders: [stubborn] });
    const wire = (await built.app()).write(handshake());
    await wire.head();
    await built.proxy.close();
    deepEqual(built.proxy.quiet(), { connections: 0, calls: 0 });
    await wire.gone();
    await stubborn.wires[0]!.gone();
  });
});
