/** The connections of the fast lane to endpoints: which is used, how many there are, and when they go. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { FailureCode } from '../../../lb/errors.js';
import { FakeClock } from '../../support/clock.js';
import { RawServer } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, get, house, ok, useLane } from '../full/house.js';

useLane('fast');

describe('a connection to an endpoint', () => {
  it('that breaks within an answer that waits for another loses that answer, and nothing else', async (t) => {
    const busy = await RawServer.always('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 1\r\n\r\n');
    const retryOn = { codes: new Set<FailureCode>(), statuses: new Set([503]) };
    const connects = t.mock.method(Socket.prototype, 'connect');
    const broken = async (other: RawServer) => {
      const { app, upstreams } = await house(t, { orders: [busy, other] }, { settings: { retryOn } });
      const wire = await app();
      connects.mock.resetCalls();
      wire.write(get());
      await eventually(() => connects.mock.calls.length === 1);
      const socket = connects.mock.calls[0]!.this as Socket;
      await eventually(() => socket.bytesRead > 0);
      socket.destroy(new Error('broken')); // nothing else can be told of a connection that is not read
      return { wire, upstream: upstreams.get('orders')! };
    };
    const [alone, beside] = [await broken(busy), await broken(await RawServer.always(ok()))];
    alone.upstream.update([]);
    match(await alone.wire.message(), /^HTTP\/1\.1 502 [^]*x-zidecar-error: reset[^]*answered 503, and its answer was lost/);
    match(await beside.wire.message(), /^HTTP\/1\.1 200 /);
    deepEqual([alone.upstream.stats.inFlight, beside.upstream.stats.inFlight], [0, 0]);
  });

  it('is not made before a call needs it, and a call needs one', async (t) => {
    const peers = await Promise.all(Array.from({ length: 3 }, () => RawServer.always(ok())));
    const { app, upstreams } = await house(t, { orders: peers });
    const wire = await app();
    const made = (): number[] => peers.map(({ wires }) => wires.length);
    deepEqual([made(), upstreams.get('orders')!.usage.connections], [[0, 0, 0], 0]);
    await wire.write(get()).message();
    deepEqual(
      made().sort((a, b) => a - b),
      [0, 0, 1],
    );
    equal(upstreams.get('orders')!.usage.connections, 1);
  });

  it('is made when none is free, and the last one used is the next one used', async (t) => {
    let go: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (go = resolve));
    const orders = await RawServer.start(async (wire, nth) => {
      for (;;) {
        if ((await wire.head()).includes('/slow')) await slow;
        wire.write(ok(String(nth)));
      }
    });
    const { app } = await house(t, { orders: [orders] });
    const [one, two] = [await app(), await app()];
    one.write(get('/slow'));
    await eventually(() => orders.wires.length === 1);
    match(await two.write(get()).message(), /1$/);
    match(await two.write(get()).message(), /1$/);
    go();
    match(await one.message(), /0$/);
    for (let n = 0; n < 3; n++) match(await two.write(get()).message(), /0$/);
    equal(orders.wires.length, 2);
  });

  it('closes when nobody has used it for a while', async (t) => {
    const orders = await RawServer.always(ok());
    const { ask } = await house(t, { orders: [orders] }, { settings: { idleTimeoutMs: 50 } });
    await ask(get());
    await orders.wires[0]!.gone();
  });

  it('is kept when the list comes anew with another weight for its endpoint, and goes with the last who is at that address', async (t) => {
    const orders = await RawServer.always(ok());
    const { ask, upstreams } = await house(t, { orders: [orders] });
    const upstream = upstreams.get('orders')!;
    const [first, twin] = [orders.endpoint('a'), orders.endpoint('b')];
    await ask(get());
    upstream.update([{ ...first, weight: 5 }, twin]);
    await ask(get());
    await ask(get());
    equal(orders.wires.length, 1);
    upstream.update([]);
    await orders.wires[0]!.gone();
  });

  it('is kept as long as the endpoint says, less a second', async (t) => {
    const orders = await RawServer.always(ok('ok', 'Keep-Alive: timeout=1\r\n'));
    const { app } = await house(t, { orders: [orders] }, { settings: { idleTimeoutMs: 60_000 } });
    const wire = await app();
    await wire.write(get()).message();
    await orders.wires[0]!.gone();
    const longer = await RawServer.always(ok('ok', 'Keep-Alive: timeout=60\r\n'));
    const other = await house(t, { orders: [longer] }, { settings: { idleTimeoutMs: 10 } });
    const again = await other.app();
    await again.write(get()).message();
    await clock.sleep(60);
    await again.write(get()).message();
    equal(longer.wires.length, 1);
  });

  it('is not kept when the endpoint says that it closes, or speaks HTTP/1.0', async (t) => {
    for (const answer of [ok('ok', 'Connection: close\r\n'), ok().replace('1.1', '1.0')]) {
      const orders = await RawServer.always(answer);
      const { app } = await house(t, { orders: [orders] });
      const wire = await app();
      for (let n = 0; n < 2; n++) match(await wire.write(get()).message(), /ok$/);
      equal(orders.wires.length, 2);
      await orders.wires[0]!.gone();
    }
  });

  it('is one of so many at most: for another one the longest idle goes', async (t) => {
    const servers = [await RawServer.always(ok()), await RawServer.always(ok()), await RawServer.always(ok())];
    const { app } = await house(t, { orders: servers }, { limits: { connections: 2 } });
    const wire = await app();
    for (let n = 0; n < 3; n++) await wire.write(get()).message();
    await servers[0]!.wires[0]!.gone();
    deepEqual(
      servers.map(({ wires }) => wires[0]!.socket.readableEnded),
      [true, false, false],
    );
  });
});

describe('a connection of the app', () => {
  it('of which it asked for the last answer is gone with it, though the app does not end its side', async (t) => {
    const { app, proxy } = await house(t, { orders: [await RawServer.always(ok('well'))] }, { clock: new FakeClock() });
    const wire = (await app()).write(get('/', 'Connection: close\r\n'));
    const { text, end } = await wire.rest();
    match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*well$/);
    equal(end, 'ended');
    await eventually(() => proxy.quiet().connections === 0);
  });

  it('gives it all of a long last answer, though it is slow and sends something behind its request', async (t) => {
    const size = 300_000;
    const { app, proxy, upstreams } = await house(
      t,
      { orders: [await RawServer.always(ok('x'.repeat(size)))] },
      { clock: new FakeClock() },
    );
    const wire = (await app()).write(get('/', 'Connection: close\r\n'));
    wire.socket.pause();
    const { calls } = upstreams.get('orders')!.stats;
    await eventually(() => calls.get('2xx') === 1 && proxy.quiet().calls === 0); // all of it has left us
    await new Promise((resolve) => wire.socket.write('and more', resolve));
    wire.socket.resume();
    const { text, end } = await wire.rest();
    equal(text.length - text.indexOf('\r\n\r\n') - 4, size);
    equal(end, 'ended');
  });
});

describe('a large head of an answer', () => {
  it('that comes in pieces and is larger than one read is passed on whole', async (t) => {
    const long = 'A: '.padEnd(10_000, 'a');
    const head = `HTTP/1.1 200 OK\r\n${`${long}\r\n`.repeat(9)}Content-Length: 2\r\n\r\n`;
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      for (let at = 0; at < head.length; at += 7_000) {
        wire.write(head.slice(at, at + 7_000));
        await clock.sleep(1);
      }
      wire.write('ok');
    });
    const { ask } = await house(t, { orders: [orders] }, { proxy: { maxHeadBytes: 128 * 1024 } });
    const answer = await ask(get());
    equal(answer, head.replace(/\r\n\r\n$/, '\r\nvia: 1.1 zidecar-test\r\n\r\nok'));
  });

  it('of a request goes on whole as well', async (t) => {
    let got = '';
    const orders = await RawServer.start(async (wire) => {
      got = await wire.message();
      wire.write(ok());
    });
    const { ask, proxy } = await house(t, { orders: [orders] }, { proxy: { maxHeadBytes: 256 * 1024 } });
    const long = 'A: '.padEnd(100_000, 'a');
    match(await ask(get('/', `${long}\r\nContent-Length: 5\r\nx-request-id: b\r\n`) + 'hello'), /ok$/);
    const sent = `GET / HTTP/1.1\r\nHost: orders\r\n${long}\r\nContent-Length: 5\r\nx-request-id: b\r\nvia: 1.1 zidecar-test\r\n\r\nhello`;
    equal(got, sent);
    equal(proxy.carried().fast, 1);
  });
});
