/** Sides that are slow or silent: each has its own limit, and nobody is blamed for another's. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { clock as realClock } from '../../../agent/system.js';
import type { Endpoint } from '../../../lb/endpoint.js';
import { holdUp } from '../../support/hold-up.js';
import { RawServer } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, get, house, ok } from './house.js';

const silent = (): Promise<RawServer> => RawServer.start(() => undefined);
/** Listens, and never accepts: its queue is full, so that further connects are neither taken nor refused. */
async function deafEndpoint(t: TestContext): Promise<Endpoint> {
  const listening = `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, server.address().port + '\\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
  const child = spawn(process.execPath, ['-e', listening], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const queued = [1, 2, 3, 4].map(() => connect(port, '127.0.0.1').on('error', () => undefined));
  t.after(() => queued.forEach((socket) => socket.destroy()));
  await once(queued[0]!, 'connect');
  return { id: 'deaf', host: '127.0.0.1', port, weight: 1, meta: {} };
}

const started = (head: string): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    await wire.message();
    wire.write(head);
  });

describe('an endpoint', () => {
  it('that does not answer in its time is blamed, and another is asked', async (t) => {
    const { ask, upstreams } = await house(
      t,
      { orders: [await silent(), await RawServer.always(ok())] },
      { settings: { responseTimeoutMs: 1_000 } },
    );
    for (let n = 0; n < 2; n++) match(await ask(get()), /200 OK/);
    equal(upstreams.get('orders')!.stats.retries, 1);
  });

  it('that is the only one and does not answer is told of with its address and the time', async (t) => {
    const { ask } = await house(t, { orders: [await silent()] }, { settings: { responseTimeoutMs: 50, retries: 0 } });
    match(
      await ask(get()),
      /^HTTP\/1\.1 504 (?:.|\r\n)*"error":"response_timeout","message":"orders: no answer from 127\.0\.0\.1:\d+ in 50 ms"/,
    );
  });

  it('has its time from the last byte of the request, not from the first', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      wire.write(ok());
    });
    const { app } = await house(t, { orders: [orders] }, { settings: { responseTimeoutMs: 1_000 } });
    const wire = (await app()).write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nhello');
    await clock.sleep(1_500);
    match(await wire.write('world').message(), /200 OK/);
  });

  it('that does not take a connection in its time is blamed, and another is asked', async (t) => {
    const deaf = await deafEndpoint(t);
    const peers = { orders: [deaf, await RawServer.always(ok())], alone: [deaf] };
    const { ask, upstreams } = await house(t, peers, { settings: { connectTimeoutMs: 1_000 } });
    for (let n = 0; n < 2; n++) match(await ask(get()), /200 OK/);
    equal(upstreams.get('orders')!.stats.retries, 1);
    match(
      await ask('GET / HTTP/1.1\r\nHost: alone\r\n\r\n'),
      /^HTTP\/1\.1 504 (?:.|\r\n)*no connection to 127\.0\.0\.1:\d+ in 1000 ms/,
    );
  });

  it('that falls silent in the middle of its answer is cut off', async (t) => {
    const heads = ['Content-Length: 10\r\n\r\nhello', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'];
    for (const head of heads) {
      const orders = await started(`HTTP/1.1 200 OK\r\n${head}`);
      const { app, upstreams } = await house(t, { orders: [orders] }, { settings: { bodyTimeoutMs: 100 } });
      const { text } = await (await app()).write(get()).rest();
      match(text, /hello/);
      equal(text.includes('\r\n0\r\n'), false);
      await orders.wires[0]!.gone();
      equal(upstreams.get('orders')!.stats.calls.get('body_timeout'), 1);
    }
  });

  it('that sends events may be silent as long as it likes', async (t) => {
    const events = await started('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: 1\n\n');
    const { app } = await house(t, { orders: [events] }, { settings: { bodyTimeoutMs: 50 } });
    const wire = (await app()).write(get());
    await wire.until('data: 1\n\n');
    await clock.sleep(300);
    events.wires[0]!.write('data: 2\n\n');
    match(await wire.until('data: 2\n\n'), /data: 2/);
  });
});

describe('an app', () => {
  it('that falls silent in the middle of its body is told so, and the endpoint is not blamed', async (t) => {
    const orders = await silent();
    const { app, upstreams } = await house(t, { orders: [orders] }, { settings: { bodyTimeoutMs: 100 } });
    const wire = (await app()).write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nhello');
    match(
      (await wire.rest()).text,
      /^HTTP\/1\.1 408 (?:.|\r\n)*x-zidecar-error: client_body_timeout(?:.|\r\n)*connection: close/i,
    );
    await orders.wires[0]!.gone();
    const { stats } = upstreams.get('orders')!;
    deepEqual([[...stats.calls], stats.inFlight], [[['client_body_timeout', 1]], 0]);
  });

  it('that has its answer and never ends its body is let go', async (t) => {
    const early = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n');
    });
    const { app } = await house(t, { orders: [early] }, { settings: { bodyTimeoutMs: 100 } });
    const wire = (await app()).write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nhello');
    match((await wire.rest()).text, /^HTTP\/1\.1 413 No/);
  });

  for (const [what, expected, body] of [
    ['by us', /^HTTP\/1\.1 503 (?:.|\r\n)*x-zidecar-error: no_endpoints/, undefined],
    ['by its endpoint', /^HTTP\/1\.1 413 No/, 'HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n'],
  ] as const)
    it(`that goes on with the body of a call that was refused ${what} is cut after a while, however steadily it sends`, async (t) => {
      const early = await RawServer.start(async (wire) => {
        await wire.head();
        wire.write(body ?? '');
      });
      const peers = { orders: body === undefined ? [] : [early] };
      const { app, proxy } = await house(t, peers, { settings: { bodyTimeoutMs: undefined }, proxy: { uploadLingerMs: 300 } });
      const wire = (await app()).write('POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n');
      t.after(clock.every(20, () => wire.write('1\r\nx\r\n')));
      t.after(() => early.stop());
      match(await wire.message(), expected);
      await wire.gone();
      await eventually(() => proxy.quiet().connections === 0);
    });

  it('that does not finish a head is told so', async (t) => {
    const { app, proxy } = await house(t, {}, { proxy: { headerTimeoutMs: 1_000 } }); // node's own clock, which runs while we stand
    const { text } = await (await app()).write('GET / HTTP/1.1\r\nHos').rest();
    match(text, /^HTTP\/1\.1 408 (?:.|\r\n)*x-zidecar-error: header_timeout/);
    equal(proxy.strays.calls.get('header_timeout'), 1);
  });

  it('whose head, or rest of a body, has come while we were held up is not too slow', async (t) => {
    const orders = await RawServer.always(ok());
    // longer than it takes until both are there, on a busy machine
    const limits = { settings: { bodyTimeoutMs: 3_000 }, proxy: { headerTimeoutMs: 3_000 }, clock: realClock };
    const { app, proxy } = await house(t, { orders: [orders] }, limits);
    const [head, body] = await Promise.all([app(), app()]);
    body.write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\n\r\na');
    await eventually(() => proxy.quiet().connections === 2 && orders.wires[0]?.unread.endsWith('a') === true);
    await holdUp(3_100, () => {
      head.write(get());
      body.write('b');
    });
    for (const wire of [head, body]) match(await wire.message(), /200 OK/);
  });

  it('that says nothing at all is let go without a word', async (t) => {
    const { app } = await house(t, {}, { proxy: { headerTimeoutMs: 100 } });
    deepEqual(await (await app()).rest(), { text: '', end: 'ended' });
  });

  it('that keeps a connection it does not use is let go without a word', async (t) => {
    const { app } = await house(t, { orders: [await RawServer.always(ok())] }, { proxy: { clientIdleTimeoutMs: 100 } });
    const wire = await app();
    await wire.write(get()).message();
    deepEqual(await wire.rest(), { text: '', end: 'ended' });
  });

  it('that reads slowly is not silent: no limit of a body counts while it holds things up', async (t) => {
    const total = 16 * 1024 * 1024;
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`).socket.write(Buffer.alloc(total, 'x'));
    });
    const { app } = await house(t, { orders: [orders] }, { settings: { bodyTimeoutMs: 1_000 } });
    const wire = (await app()).write(get());
    await wire.head();
    wire.socket.pause();
    await clock.sleep(2_500);
    let came = wire.unread.length;
    wire.socket.removeAllListeners('data').on('data', (part: Buffer) => (came += part.length));
    wire.socket.resume();
    await eventually(() => came === total);
  });

  it('that never reads is cut off as one that does nothing', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n').socket.write(Buffer.alloc(64_000_000, 'x'));
    });
    const { app, upstreams, proxy } = await house(t, { orders: [orders] }, { proxy: { clientIdleTimeoutMs: 200 } });
    const wire = (await app()).write(get());
    await wire.head();
    wire.socket.pause();
    await orders.wires[0]!.gone();
    await eventually(() => proxy.quiet().calls === 0);
    deepEqual([...upstreams.get('orders')!.stats.calls], [['client_gone', 1]]);
  });

  it('may shorten the time of its call, all attempts included, and nobody is blamed for it', async (t) => {
    const { ask, upstreams } = await house(t, { orders: [await silent()] });
    match(
      await ask(get('/', 'x-zidecar-timeout: 50ms\r\n')),
      /^HTTP\/1\.1 504 (?:.|\r\n)*"error":"request_timeout","message":"orders: no answer in 50 ms, after 1 attempt"/,
    );
    equal(upstreams.get('orders')!.stats.inFlight, 0);
    deepEqual(
      upstreams
        .get('orders')!
        .explain()
        .map(({ circuit }) => circuit),
      ['closed'],
    );
  });

  it('may not lengthen it', async (t) => {
    const { ask } = await house(t, { orders: [await silent()] }, { settings: { requestTimeoutMs: 50 } });
    match(await ask(get('/', 'x-zidecar-timeout: 1h\r\n')), /no answer in 50 ms/);
  });
});

describe('a limit that is off', () => {
  it('never rings', async (t) => {
    const off = {
      connectTimeoutMs: undefined,
      requestTimeoutMs: undefined,
      responseTimeoutMs: undefined,
      bodyTimeoutMs: undefined,
    };
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      await clock.sleep(50);
      wire.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
      await clock.sleep(50);
      wire.write('world');
    });
    const settings = { ...off, idleTimeoutMs: undefined, tunnelIdleTimeoutMs: undefined };
    const { ask } = await house(
      t,
      { orders: [orders] },
      { settings, proxy: { headerTimeoutMs: undefined, clientIdleTimeoutMs: undefined } },
    );
    match(await ask(get()), /helloworld$/);
  });
});
