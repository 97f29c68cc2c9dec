/** Apps that ask faster than they read, and more than they are answered: what waits for them, and what comes behind. */
import { doesNotMatch, equal, ok as isTrue } from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { it } from 'node:test';
import { RawServer, type Wire } from '../../support/raw.js';
import { eventually, get, house, ok, standing, useLane } from '../full/house.js';

useLane('fast');
const MIB = 1024 * 1024;

/** Asks `count` times more, again and again, until what `taken` counts lags behind for good: the buffers of every system have an end. */
async function fill(wire: Wire, count: number, taken: () => number): Promise<{ readonly asked: number; readonly taken: number }> {
  for (let asked = count; asked <= 100 * count; asked += count) {
    wire.write(get().repeat(count));
    const stands = await standing(taken);
    if (stands < asked) return { asked, taken: stands };
  }
  throw new Error(`all of ${100 * count} requests are taken`);
}

it('a connection whose answer waited for the app is read again for the next call', async (t) => {
  const orders = await RawServer.always(ok('x'.repeat(60_000)));
  const { app, upstreams } = await house(t, { orders: [orders] }, { settings: { responseTimeoutMs: 5_000, retries: 0 } });
  const wire = await app();
  wire.socket.pause();
  const { asked } = await fill(wire, 300, () => upstreams.get('orders')!.stats.attempts);
  wire.socket.resume();
  for (let n = 0; n < asked; n++) doesNotMatch((await wire.message()).slice(0, 200), /x-zidecar-error/);
  equal(orders.wires.length, 1);
});

it('requests that wait for others are not read into memory: three reads are, and another when they are used up', async (t) => {
  let go: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (go = resolve));
  const orders = await RawServer.start(async (wire) => {
    await told;
    for (;;) {
      await wire.message();
      wire.write(ok());
    }
  });
  const { app } = await house(t, { orders: [orders] });
  const wire = await app();
  const each = get().length;
  const { taken } = await fill(wire, Math.ceil(MIB / each), () =>
    Math.ceil((wire.socket.bytesWritten - wire.socket.writableLength) / each),
  );
  isTrue(taken * each < 100 * MIB);
  wire.write(get().repeat(Math.ceil((32 * MIB) / each)));
  go();
  for (let n = 0; n < 700; n++) await wire.message();
  isTrue(
    wire.socket.writableLength > 16 * MIB,
    `700 answers, and ${32 * MIB - wire.socket.writableLength} more bytes of requests are taken`,
  );
  wire.socket.destroy();
});

it('three reads are all that is held of an app that asks without end, however long its requests are', async (t) => {
  const sockets: Socket[] = [];
  const accepted = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
  subscribe('net.server.socket', accepted);
  t.after(() => unsubscribe('net.server.socket', accepted));
  for (const filler of [0, 3_000, 15_000]) {
    const each = get('/', `X-Filler: ${'x'.repeat(filler)}\r\n`);
    let [port, carried, most] = [0, 0, 0];
    const orders = await RawServer.start(async (wire) => {
      for (;;) {
        await wire.message();
        const socket = sockets.find(({ remotePort }) => remotePort === port)!;
        if (carried++ % 100 === 0) await standing(() => socket.bytesRead);
        most = Math.max(most, socket.bytesRead - carried * each.length);
        wire.write(ok());
      }
    });
    const { app } = await house(t, { orders: [orders] });
    const wire = await app();
    port = wire.socket.localPort!;
    const count = Math.max(201, Math.ceil(MIB / each.length));
    wire.write(each.repeat(count));
    for (let n = 0; n < Math.min(count, 150); n++) await wire.message();
    isTrue(most > 64 * 1024 && most <= 3 * 64 * 1024, `${most} bytes of requests of ${each.length} bytes wait`);
    wire.socket.destroy();
  }
});

it('an app that does not read refusals is not read from', async (t) => {
  const { app, upstreams } = await house(t, { orders: [] });
  const wire = await app();
  wire.socket.pause();
  const { taken } = await fill(wire, 100_000, () => upstreams.get('orders')!.stats.lost);
  isTrue(taken > 0);
  wire.socket.resume();
  for (let n = 0; n < taken + 1; n++) await wire.message();
  wire.socket.destroy();
});

it('an app that does not read refusals in CLIENT_IDLE_TIMEOUT is cut, without another word', async (t) => {
  const { app, proxy } = await house(t, { orders: [] }, { proxy: { clientIdleTimeoutMs: 300 } });
  const wire = await app();
  wire.socket.pause();
  await eventually(() => proxy.quiet().connections === 1);
  await eventually(() => {
    if (wire.socket.writableLength === 0) wire.write(get().repeat(100_000)); // until no buffer has room
    return proxy.quiet().connections === 0;
  });
  equal(proxy.strays.calls.size, 0);
  wire.socket.destroy();
});

it('of requests that come as a stream only those are kept that have still to be carried', async (t) => {
  const orders = await RawServer.always(ok());
  const { app } = await house(t, { orders: [orders] });
  const concat = t.mock.method(Buffer, 'concat');
  const wire = await app();
  const large = get('/', `X-Filler: ${'x'.repeat(20_000)}\r\n`); // so that nearly every read ends in the middle of one
  const count = 200;
  wire.write(large.repeat(count));
  for (let n = 0; n < count; n++) await wire.message();
  const kept = concat.mock.calls.map(({ result }) => result?.length ?? 0);
  isTrue(kept.length > 10);
  isTrue(Math.max(...kept) < 200_000, `up to ${Math.max(...kept)} bytes of ${count * large.length} were kept`);
});

it('an app that breaks off while its answer waits for it has gone, and has not got it', async (t) => {
  const orders = await RawServer.always(ok('x'.repeat(60_000)));
  const { app, upstreams } = await house(t, { orders: [orders] });
  const wire = await app();
  wire.socket.pause();
  const { stats } = upstreams.get('orders')!;
  await fill(wire, 300, () => stats.attempts);
  const whole = stats.calls.get('2xx');
  wire.socket.resetAndDestroy();
  await eventually(() => stats.inFlight === 0);
  equal(stats.calls.get('2xx'), whole);
  equal(stats.calls.get('client_gone'), 1);
});
