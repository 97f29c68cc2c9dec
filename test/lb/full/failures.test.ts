/** Attempts that fail: what is tried again and where, what never is, and what the app and the counts are told. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RawServer, type Wire } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { dead, eventually, get, house, ok } from './house.js';

const post = (body = 'abc'): string => `POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const put = (body: string): string => post(body).replace('POST', 'PUT');
/** An endpoint that takes a request and breaks the connection. */
const breaking = (requests: string[], how: 'end' | 'reset' = 'reset'): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    requests.push(await wire.message());
    wire[how]();
  });

describe('an endpoint that refuses connections', () => {
  it('costs no call: every method goes elsewhere, body and all', async (t) => {
    const bodies: string[] = [];
    const well = await RawServer.start(async (wire) => {
      for (;;) {
        bodies.push((await wire.message()).slice(-3));
        wire.write(ok());
      }
    });
    const { ask, upstreams } = await house(t, { orders: [await dead('a'), well] });
    for (let n = 0; n < 6; n++) match(await ask(post()), /200 OK/);
    deepEqual(bodies, Array(6).fill('abc'));
    const { stats } = upstreams.get('orders')!;
    equal(stats.calls.get('2xx'), 6);
    equal(stats.lost, 0);
    equal(stats.retries > 0 && stats.attempts === 6 + stats.retries, true);
  });

  it('may be tried again when there is no other, and is then told of in words', async (t) => {
    const alone = await dead('a');
    const { ask, upstreams } = await house(t, { orders: [alone] });
    const answer = await ask(get());
    match(answer, /^HTTP\/1\.1 502 (?:.|\r\n)*x-zidecar-error: connect_refused/);
    match(answer, new RegExp(`"message":"orders: 127.0.0.1:${alone.port} refused the connection"`));
    equal(upstreams.get('orders')!.stats.attempts, 3);
    equal(upstreams.get('orders')!.stats.inFlight, 0);
  });

  it('opens its circuit, and the next call is refused with Retry-After without asking it', async (t) => {
    const { ask, upstreams } = await house(t, { orders: [await dead('a')] });
    await ask(get());
    await ask(get());
    equal(upstreams.get('orders')!.states().open, 1);
    const { attempts } = upstreams.get('orders')!.stats;
    match(await ask(get()), /^HTTP\/1\.1 503 (?:.|\r\n)*x-zidecar-error: all_open\r\nretry-after: 60\r\n/);
    equal(upstreams.get('orders')!.stats.attempts, attempts);
  });
});

describe('an endpoint that breaks the connection without an answer', () => {
  for (const how of ['end', 'reset'] as const) {
    it(`never gets or causes a second send of a POST: ${how}`, async (t) => {
      const requests: string[] = [];
      const { ask, upstreams } = await house(t, { orders: [await breaking(requests, how), await breaking(requests, how)] });
      match(await ask(post()), /^HTTP\/1\.1 502 (?:.|\r\n)*x-zidecar-error: reset/);
      equal(requests.length, 1);
      equal(upstreams.get('orders')!.stats.retries, 0);
    });

    it(`does not keep a GET or a PUT from its answer: ${how}`, async (t) => {
      const requests: string[] = [];
      const { ask } = await house(t, { orders: [await breaking(requests, how), await RawServer.always(ok('well'))] });
      for (let n = 0; n < 2; n++) {
        match(await ask(get()), /well$/);
        match(await ask(put('body')), /well$/);
      }
      equal(requests.length > 0, true);
    });
  }

  it('in the middle of a head is as one that said nothing', async (t) => {
    const half = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 200 OK\r\nContent-Le').end();
    });
    const { ask } = await house(t, { orders: [half, await RawServer.always(ok('well'))] });
    for (let n = 0; n < 2; n++) match(await ask(get()), /well$/);
  });

  it('is not asked more often than the retries allow, and the last failure stands', async (t) => {
    const requests: string[] = [];
    const endpoints = [await breaking(requests), await breaking(requests), await breaking(requests), await breaking(requests)];
    const { ask } = await house(t, { orders: endpoints });
    match(await ask(get()), /x-zidecar-error: reset/);
    equal(requests.length, 2);
    match(await ask(get('/', 'x-zidecar-retries: 0\r\n')), /x-zidecar-error: reset/);
    equal(requests.length, 3);
    match(await ask(get('/', 'x-zidecar-retries: 3\r\n')), /x-zidecar-error: reset/);
    equal(requests.length, 7);
  });
});

describe('a kept connection that has died', () => {
  /** Answers once, then breaks the connection as soon as another request comes. */
  const stale = (paths: string[]): Promise<RawServer> =>
    RawServer.start(async (wire, nth) => {
      paths.push(`${nth} ${(await wire.message()).split(' ')[0]!}`);
      wire.write(ok());
      paths.push(`${nth} ${(await wire.message()).split(' ')[0]!}`);
      if (nth === 0) wire.reset();
      else wire.write(ok());
    });

  it('costs a GET nothing, even if there is no other endpoint', async (t) => {
    const paths: string[] = [];
    const { app } = await house(t, { orders: [await stale(paths)] });
    const wire = await app();
    await wire.write(get()).message();
    match(await wire.write(get()).message(), /200 OK/);
    deepEqual(paths, ['0 GET', '0 GET', '1 GET']);
  });

  it('costs a POST its call: it may have been carried out', async (t) => {
    const paths: string[] = [];
    const { app } = await house(t, { orders: [await stale(paths)] });
    const wire = await app();
    await wire.write(get()).message();
    match(await wire.write(post()).message(), /x-zidecar-error: reset/);
    deepEqual(paths, ['0 GET', '0 POST']);
  });

  it('that the endpoint has closed before is not used', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.message();
      wire.write(ok()).end();
    });
    const { app, upstreams } = await house(t, { orders: [orders] });
    const wire = await app();
    for (let n = 0; n < 3; n++) {
      match(await wire.write(post()).message(), /200 OK/);
      await eventually(() => orders.wires[n]!.socket.closed);
    }
    equal(upstreams.get('orders')!.stats.retries, 0);
  });
});

describe('the body of a request that is sent again', () => {
  it('is whole while it is small, also when it came in pieces', async (t) => {
    const bodies: string[] = [];
    const first = await RawServer.start(async (wire) => {
      await wire.until('first');
      wire.reset();
    });
    const second = await RawServer.start(async (wire) => {
      for (;;) {
        bodies.push(await wire.until('\r\n0\r\n\r\n'));
        wire.write(ok('well'));
      }
    });
    const { app } = await house(t, { orders: [first, second] });
    for (let n = 0; n < 2; n++) {
      const wire = (await app()).write('PUT / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
      if (n === 0) await first.wires[0]?.gone();
      await eventually(() => first.wires.length + second.wires.length > 0);
      match(await wire.write('4\r\nlast\r\n0\r\n\r\n').message(), /well$/);
    }
    deepEqual(
      bodies.map((message) => message.slice(message.indexOf('\r\n\r\n')).replace(/\d*\r\n/g, '')),
      ['firstlast', 'firstlast'],
    );
  });

  it('is not sent again once it is larger than what is kept of it', async (t) => {
    const big = 'x'.repeat(100_000);
    let seconds = 0;
    const first = await RawServer.start(async (wire) => {
      await wire.message();
      wire.reset();
    });
    const second = await RawServer.start(async (wire) => {
      await wire.message();
      seconds++;
      wire.write(ok());
    });
    const { ask } = await house(t, { orders: [first, second] });
    const answers = [await ask(put(big)), await ask(put(big))];
    deepEqual(answers.map((answer) => /x-zidecar-error: (\w+)|200 OK/.exec(answer)?.[1] ?? '200').sort(), ['200', 'reset']);
    equal(seconds, 1);
  });
});

describe('an app that goes away', () => {
  const leaving: Readonly<Record<string, (wire: Wire) => void>> = {
    'before the answer': (wire) => wire.write(get()),
    'in the middle of its body': (wire) => wire.write('POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\nhello'),
    'in the middle of a chunked body': (wire) =>
      wire.write('POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'),
  };
  for (const [when, write] of Object.entries(leaving))
    for (const how of ['end', 'reset'] as const)
      it(`takes its attempt along, frees everything, and nobody is blamed: ${when}, by ${how}`, async (t) => {
        const orders = await RawServer.start(() => undefined);
        const { app, upstreams, proxy } = await house(t, { orders: [orders] });
        const wire = await app();
        write(wire);
        await eventually(() => (orders.wires[0]?.unread.length ?? 0) > 0);
        wire[how]();
        await orders.wires[0]!.gone();
        equal(orders.wires[0]!.unread.includes('\r\n0\r\n'), false);
        await eventually(() => proxy.quiet().calls === 0 && proxy.quiet().connections === 0);
        const upstream = upstreams.get('orders')!;
        deepEqual([...upstream.stats.calls], [['client_gone', 1]]);
        equal(upstream.stats.inFlight + upstream.stats.lost + upstream.states().open, 0);
        equal(orders.wires.length, 1);
      });

  it('in the middle of the answer takes the rest of it along', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      while (!wire.socket.destroyed) {
        wire.write('x'.repeat(10_000));
        await clock.sleep(1);
      }
    });
    const { app, upstreams, proxy } = await house(t, { orders: [orders] });
    const wire = (await app()).write(get());
    await wire.until('xxx');
    wire.reset();
    await orders.wires[0]!.gone();
    await eventually(() => proxy.quiet().calls === 0);
    equal(upstreams.get('orders')!.stats.calls.get('client_gone'), 1);
    equal(upstreams.get('orders')!.stats.inFlight, 0);
  });
});

describe('what is told', () => {
  it('of every attempt and of every call, where it was asked for', async (t) => {
    const well = await RawServer.always(ok());
    const { ask, facts } = await house(
      t,
      { orders: [await dead('a'), well], empty: [] },
      { proxy: { accessLog: true, traced: () => true } },
    );
    await ask(get('/a?b', 'x-request-id: one\r\n'));
    await ask(get('/a?b', 'x-request-id: two\r\n'));
    await ask('GET / HTTP/1.1\r\nHost: empty\r\nx-request-id: three\r\n\r\n');
    const results = facts.flatMap((fact) => (fact.kind === 'attempt_ended' ? [fact.result] : []));
    deepEqual(results.sort(), ['200', '200', 'connect_refused']);
    const calls = facts.flatMap((fact) => (fact.kind === 'call_ended' ? [{ ...fact, ms: 0, attempts: 0 }] : []));
    const told = { kind: 'call_ended', upstream: 'orders', method: 'GET', target: '/a?b', attempts: 0, ms: 0 };
    deepEqual(calls, [
      { ...told, requestId: 'one', status: 200, endpoint: `127.0.0.1:${well.port}` },
      { ...told, requestId: 'two', status: 200, endpoint: `127.0.0.1:${well.port}` },
      { ...told, upstream: 'empty', target: '/', requestId: 'three', status: 503, code: 'no_endpoints' },
    ]);
  });

  it('of calls that are for no upstream too: an unknown name, a bad head, a tunnel, no HTTP at all', async (t) => {
    const { app, facts } = await house(t, {}, { proxy: { accessLog: true } });
    const requests = [
      get('/a', 'x-request-id: one\r\n'),
      get('/b#c'),
      'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
      'nonsense\r\n\r\n',
    ];
    for (const request of requests) await (await app()).write(request).end().rest();
    const calls = facts.flatMap((fact) => (fact.kind === 'call_ended' ? [{ ...fact, ms: 0 }] : []));
    const told = { kind: 'call_ended', upstream: 'unknown', requestId: '', attempts: 0, ms: 0 };
    deepEqual(calls, [
      { ...told, method: 'GET', target: '/a', requestId: 'one', status: 404, code: 'unknown_upstream' },
      { ...told, method: 'GET', target: '/b#c', status: 400, code: 'bad_request' },
      { ...told, method: 'CONNECT', target: 'a:1', status: 405, code: 'connect_method' },
      { ...told, method: '-', target: '-', status: 400, code: 'bad_request' },
    ]);
  });

  it('of attempts from the moment on in which somebody asks for it', async (t) => {
    let traced = false;
    const { ask, facts } = await house(t, { orders: [await RawServer.always(ok())] }, { proxy: { traced: () => traced } });
    const attempts = (): number => facts.filter(({ kind }) => kind === 'attempt_ended').length;
    await ask(get());
    equal(attempts(), 0);
    traced = true;
    await ask(get());
    equal(attempts(), 1);
  });

  it('to nobody otherwise', async (t) => {
    const { ask, facts } = await house(t, { orders: [await RawServer.always(ok())] });
    await ask(get());
    deepEqual(
      facts.filter(({ kind }) => kind === 'call_ended' || kind === 'attempt_ended'),
      [],
    );
  });
});

describe('a name', () => {
  it('whose list has not come is waited for, whatever comes due meanwhile', async (t) => {
    const silent = await RawServer.start(() => undefined);
    const { app, ask } = await house(
      t,
      { orders: undefined, slow: [silent] },
      { settings: { responseTimeoutMs: 50, retries: 0 } },
    );
    const wire = (await app()).write(get());
    match(await ask(get().replace('orders', 'slow')), /^HTTP\/1\.1 504 /);
    match(await wire.message(), /x-zidecar-error: discovering/);
  });

  it('whose list has not come is waited for, and then discovering is told with Retry-After', async (t) => {
    const { ask, upstreams } = await house(t, { orders: undefined });
    match(await ask(get()), /^HTTP\/1\.1 503 (?:.|\r\n)*x-zidecar-error: discovering\r\nretry-after: 1\r\n/);
    const orders = await RawServer.always(ok());
    t.after(() => orders.stop());
    const answer = ask(get());
    clock.after(20, () => upstreams.get('orders')!.update([orders.endpoint('a')]));
    match(await answer, /200 OK/);
  });

  it('that nobody knows is told so', async (t) => {
    const { ask, proxy } = await house(t, {});
    match(await ask(get()), /^HTTP\/1\.1 404 (?:.|\r\n)*x-zidecar-error: unknown_upstream(?:.|\r\n)*"nobody knows \\"orders\\""/);
    equal(proxy.strays.calls.get('unknown_upstream'), 1);
  });

  it('of our own, in Via, ends the circle', async (t) => {
    const { ask } = await house(t, { orders: [await RawServer.always(ok())] });
    match(await ask(get('/', 'Via: 1.1 a, 1.1 zidecar-test\r\n')), /^HTTP\/1\.1 508 (?:.|\r\n)*x-zidecar-error: loop/);
  });
});
