/** What is sent more than once because of an answer, a key or a slow endpoint, and how much time an endpoint is told that it has. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Lease } from '../../../lb/lease.js';
import { failed } from '../../../lb/outcome.js';
import { defaultRetryOn, retryOn, type RetryOn } from '../../../lb/retry-on.js';
import type { CallSettings } from '../../../lb/settings.js';
import { FakeClock } from '../../support/clock.js';
import { RawServer } from '../../support/raw.js';
import { clock as runningClock } from '../../support/running-clock.js';
import { eventually, get, house, ok } from './house.js';

const answer = (status: string, body = '', more = ''): string =>
  `HTTP/1.1 ${status}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const post = (more = ''): string => `POST / HTTP/1.1\r\nHost: orders\r\n${more}Content-Length: 3\r\n\r\nabc`;

/** Writes what it got down, and answers each with this. */
const noting = (got: string[], how: string): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    for (;;) {
      got.push(await wire.message());
      wire.write(how);
    }
  });
/** Takes a request and says nothing. */
const silent = (got: string[]): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    got.push(await wire.message());
    await wire.gone();
    got.push('given up');
  });
const breaking = (got: string[]): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    got.push(await wire.message());
    wire.reset();
  });

describe('an answer whose status is to be repeated', () => {
  const settings = { retryOn: retryOn(['503', 'connect']) };
  const two = async (t: TestContext, first: string, more: Partial<CallSettings> = {}) => {
    const got: string[] = [];
    const one = await noting(got, first);
    const { ask, upstreams } = await house(
      t,
      { orders: [one, await noting(got, ok('well'))] },
      { settings: { ...settings, ...more } },
    );
    return { ask, got, stats: upstreams.get('orders')!.stats };
  };

  it('is not passed on while another endpoint can be asked', async (t) => {
    const { ask, got, stats } = await two(t, answer('503 Busy', 'x'.repeat(200_000)));
    match(await ask(get()), /^HTTP\/1\.1 200 .*well$/s);
    match(await ask(get()), /^HTTP\/1\.1 200 .*well$/s);
    deepEqual([got.length > 2, stats.lost, stats.inFlight, stats.calls.get('2xx')], [true, 0, 0, 2]);
  });

  it('is passed on where its status is another, or nothing is repeated by default', async (t) => {
    const { ask, stats } = await two(t, answer('500 Broken', 'one'));
    match(await ask(get()), /500 Broken.*one$/s);
    const { ask: byDefault } = await two(t, answer('503 Busy', 'two'), { retryOn: retryOn(['connect', 'reset', 'timeout']) });
    match(await byDefault(get()), /503 Busy.*two$/s);
    equal(stats.retries, 0);
  });

  it('stands, whole, when there is nobody else', async (t) => {
    const body = 'x'.repeat(300_000);
    const alone = await house(
      t,
      { orders: [await RawServer.always(answer('503 Busy', body, 'Retry-After: 1\r\n'))] },
      { settings },
    );
    const stood = await alone.ask(get());
    match(stood.slice(0, 300), /^HTTP\/1\.1 503 Busy(?:.|\r\n)*retry-after: 1\r\n/i);
    equal(stood.endsWith(`\r\n\r\n${body}`), true);
    const got: string[] = [];
    const busy = await noting(got, answer('503 Busy', body));
    const { ask, app, upstreams } = await house(t, { orders: [busy, await noting(got, answer('503 Busy', body))] }, { settings });
    const wire = await app();
    for (let n = 0; n < 3; n++) equal((await wire.write(get()).message()).endsWith(`\r\n\r\n${body}`), true);
    match(await ask(get()), /503/);
    deepEqual([got.length, upstreams.get('orders')!.stats.inFlight], [8, 0]);
  });

  it('is passed on when it comes before the request is whole', async (t) => {
    const early = (): Promise<RawServer> =>
      RawServer.start(async (wire) => {
        await wire.head();
        wire.write(answer('503 Busy', 'one'));
      });
    const { app, upstreams } = await house(t, { orders: [await early(), await early()] }, { settings });
    const wire = await app();
    match(await wire.write(post().slice(0, -1).replace('POST', 'PUT')).message(), /^HTTP\/1\.1 503 Busy.*one$/s);
    equal(upstreams.get('orders')!.stats.retries, 0);
  });

  it('stands when the pause is over and nobody else may be asked', async (t) => {
    const idle = await RawServer.always(ok('idle'));
    const busy = await RawServer.always(answer('503 Busy', 'one'));
    const { app, upstreams } = await house(t, { orders: [busy, { ...idle.endpoint('b'), weight: 0 }] }, { settings });
    const wire = await app();
    for (let n = 0; n < 3; n++) match(await wire.write(get()).message(), /^HTTP\/1\.1 503 Busy.*one$/s);
    deepEqual([upstreams.get('orders')!.stats.retries, upstreams.get('orders')!.stats.inFlight, busy.wires.length], [0, 0, 1]);
    await idle.stop();
  });

  for (const [framed, how, end] of [
    ['with a length', answer('503 Busy', 'one'), '\r\n\r\none'],
    [
      'in chunks',
      'HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n',
      '\r\n\r\n3\r\none\r\n0\r\n\r\n',
    ],
  ] as const)
    it(`stands, whole, ${framed}, when its endpoint breaks off right behind it and nobody else may be asked`, async (t) => {
      const breaking = await RawServer.start(async (wire) => {
        await wire.message();
        wire.write(how).reset();
      });
      const { app, upstreams } = await house(t, { orders: [breaking, { ...breaking.endpoint('b'), weight: 0 }] }, { settings });
      const wire = await app();
      for (let n = 0; n < 3; n++) match(await wire.write(get()).until(end), /^HTTP\/1\.1 503 Busy/);
      await eventually(() => upstreams.get('orders')!.stats.inFlight === 0);
      equal(upstreams.get('orders')!.stats.lost, 0);
    });

  it('is lost when its endpoint breaks off within it, and the app is told so', async (t) => {
    const breaking = await RawServer.start(async (wire) => {
      await wire.message();
      wire.write(answer('503 Busy', 'one').slice(0, -1)).reset();
    });
    const { ask } = await house(t, { orders: [breaking, { ...breaking.endpoint('b'), weight: 0 }] }, { settings });
    match(await ask(get()), /^HTTP\/1\.1 502 (?:.|\r\n)*answered 503, and its answer was lost/);
  });

  it('is never repeated for a POST without a key', async (t) => {
    const { ask, got } = await two(t, answer('503 Busy'));
    for (let n = 0; n < 2; n++) await ask(post());
    equal(got.length, 2);
  });

  it('is repeated no sooner than its Retry-After, and not at all where that outlasts the call', async (t) => {
    const { ask } = await two(t, answer('503 Busy', '', 'Retry-After: 1\r\n'));
    const before = runningClock.now();
    for (let n = 0; n < 2; n++) match(await ask(get()), /well$/);
    equal(runningClock.now() - before >= 1_000, true);
    const { ask: hurried, got } = await two(t, answer('503 Busy', '', 'Retry-After: 1\r\n'), { requestTimeoutMs: 900 });
    const answers = [await hurried(get()), await hurried(get())].map((text) => text.slice(9, 12)).sort();
    deepEqual([answers, got.length], [['200', '503'], 2]);
  });
});

describe('an endpoint that was put out for its answers', () => {
  it('is tried by calls that can be sent again, whose apps hear nothing of a bad answer, and is back after five good ones', async (t) => {
    const clock = new FakeClock();
    let [how, asked] = [answer('500 Broken', 'ill'), 0];
    const ill = await RawServer.start(async (wire) => {
      for (;;) {
        await wire.message();
        asked++;
        wire.write(how);
      }
    });
    const { app, upstreams } = await house(t, { orders: [ill, await noting([], ok('well'))] }, { clock });
    const orders = upstreams.get('orders')!;
    const wire = await app();
    const call = async (request = get()): Promise<string> => {
      let said = '';
      void wire
        .write(request)
        .message()
        .then((text) => (said = text.slice(9, 12)));
      await eventually(() => (void clock.advance(0.001), said !== ''));
      return said;
    };
    for (let turn = 0; turn < 12; turn++) await call();
    deepEqual([orders.states().ejected, asked], [1, 5]);
    await clock.advance(500);
    deepEqual([await call(post()), asked], ['200', 5]);
    deepEqual([await call(), asked], ['200', 6]);
    how = ok('well');
    await clock.advance(500);
    for (let turn = 0; turn < 110; turn++) equal(await call(), '200');
    deepEqual([orders.states().ejected, asked > 10, orders.stats.lost, orders.stats.inFlight], [0, true, 0, 0]);
  });
});

describe('the latency of an endpoint', () => {
  it('begins when it has the whole request, however slowly the app sends that', async (t) => {
    const clock = new FakeClock();
    const server = await noting([], ok());
    const { app, outcomes } = await house(t, { orders: [server] }, { clock });
    const wire = await app();
    wire.write(post().slice(0, -1));
    await eventually(() => server.wires[0]?.unread.endsWith('ab') === true);
    await clock.advance(5_000);
    match(await wire.write('c').message(), /200 OK/);
    deepEqual(outcomes, [{ kind: 'success', ms: 0, status: 200 }]);
  });
});

describe('an app that ends its side behind pipelined requests', () => {
  it('gets the answer to the one that runs, whatever that takes', async (t) => {
    const got: string[] = [];
    const { app } = await house(t, { orders: [await breaking(got), await RawServer.always(ok('well'))] });
    for (let n = 0; n < 2; n++) {
      const wire = await app();
      wire.write(get('/1') + get('/2')).end();
      match((await wire.rest()).text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*?well/);
    }
    equal(got.length > 0, true);
  });

  for (const count of [3, 40, 70])
    it(`is cut from no call but the last of ${count}`, async (t) => {
      const got: string[] = [];
      const { app } = await house(t, { orders: [await noting(got, ok('well'))] });
      const wire = await app();
      wire.write(get('/').repeat(count)).end();
      const answers = (await wire.rest()).text.match(/200 OK(?:.|\r\n)*?well/g) ?? [];
      // the fast lane begins no other call when it has heard of the end; the full lane hears of it behind the last, which may still run
      const cut = got.length - answers.length;
      const whole = answers.length > 0 && (cut === 0 || (cut === 1 && got.length === count));
      equal(whole, true, `${answers.length} of ${got.length} were answered`);
    });
});

describe('a POST with an Idempotency-Key', () => {
  for (const [retryKeyed, key, sends] of [
    [true, 'Idempotency-Key: k\r\n', 2],
    [false, 'Idempotency-Key: k\r\n', 1],
    [true, '', 1],
    [true, 'Idempotency-Key:\r\n', 1],
    [true, 'Idempotency-Key: a\r\nidempotency-key: b\r\n', 1],
    [true, 'x-zidecar-timeout: 5s\r\nIdempotency-Key: k\r\n', 2],
  ] as const) {
    it(`is sent ${sends} times with the setting ${retryKeyed ? 'on' : 'off'} and ${JSON.stringify(key)}`, async (t) => {
      const got: string[] = [];
      const { ask } = await house(t, { orders: [await breaking(got), await breaking(got)] }, { settings: { retryKeyed } });
      match(await ask(post(key)), /x-zidecar-error: reset/);
      equal(got.length, sends);
      for (const request of got) equal(/idempotency-key: *k\r\n/i.test(request), key.includes(': k'));
    });
  }
});

describe('the time that a call has', () => {
  const left = (request: string): readonly string[] => request.match(/^(x-zidecar-timeout|grpc-timeout):.*$/gim) ?? [];

  it('is told to an endpoint only if the app has set one', async (t) => {
    const got: string[] = [];
    const { ask } = await house(t, { orders: [await noting(got, ok())] });
    await ask(get('/', 'x-a: 1\r\n'));
    await ask(get('/', 'grpc-timeout: soon\r\n'));
    deepEqual(got.map(left), [[], ['grpc-timeout: soon']]);
  });

  it('is what is left of it, less than the app gave, and less with each attempt', async (t) => {
    const got: string[] = [];
    const { ask } = await house(t, { orders: [await breaking(got), await breaking(got)] });
    await ask(get('/', 'X-Zidecar-Timeout: 10s\r\ngrpc-timeout: 20S\r\n'));
    const [first = [], second = []] = got.map((request) => left(request).map((line) => Number(/(\d+)m/.exec(line)![1])));
    deepEqual(
      left(got[0]!).map((line) => line.replace(/\d+/, 'N').toLowerCase()),
      ['x-zidecar-timeout: nms', 'grpc-timeout: nm'].map((line) => line.replace(' n', ' N').toLowerCase()),
    );
    equal(first[0]! <= 10_000 && first[0]! > 1_000 && first[0] === first[1], true, JSON.stringify(first));
    equal(second[0]! <= first[0]!, true);

    const [alone] = [got.length, await ask(get('/', 'X-Zidecar-Timeout: 10s\r\nx-zidecar-retries: 2\r\nAccept: *\r\n'))];
    const [one, two] = got.slice(alone).map((request) => Number(/^X-Zidecar-Timeout: (\d+)ms\r$/m.exec(request)![1]));
    equal(one! <= 10_000 && one! > 1_000 && two! <= one!, true, `${one} ${two}`);
    equal(/x-zidecar-retries/i.test(got[alone]!), false);
  });

  it('is at most our own', async (t) => {
    const got: string[] = [];
    const { ask } = await house(t, { orders: [await noting(got, ok())] }, { settings: { requestTimeoutMs: 700 } });
    await ask(get('/', 'x-zidecar-timeout: 10s\r\n'));
    equal(Number(/x-zidecar-timeout: (\d+)ms/i.exec(got[0]!)![1]) <= 700, true);
  });

  it('is evidence against an endpoint that was silent for it, where the user has set it, and the whole request was there', async (t) => {
    for (const [request, told] of [
      [get(), { kind: 'failure', code: 'response_timeout', ms: 1_000 }],
      [post(), { kind: 'failure', code: 'response_timeout', ms: 1_000 }],
      [get('/', 'x-zidecar-timeout: 900ms\r\n'), { kind: 'ignored' }],
      [post().slice(0, -1), { kind: 'ignored' }],
    ] as const) {
      const clock = new FakeClock();
      const server = await RawServer.start(() => undefined);
      const { ask, outcomes } = await house(t, { orders: [server] }, { clock, settings: { requestTimeoutMs: 1_000 } });
      const answer = ask(request);
      await eventually(() => server.wires[0]?.unread.endsWith(request.slice(-3)) === true);
      await clock.advance(1_000);
      match(await answer, /x-zidecar-error: request_timeout/);
      deepEqual(outcomes, [told]);
    }
  });

  it('is kept to when it comes as grpc-timeout', async (t) => {
    const { ask } = await house(t, { orders: [await silent([])] });
    match(
      await ask(get('/', 'grpc-timeout: 30m\r\n')),
      /^HTTP\/1\.1 504 (?:.|\r\n)*x-zidecar-error: request_timeout(?:.|\r\n)* in 30 ms/,
    );
  });
});

describe('a hedged call', () => {
  it('goes to a second endpoint when the first is slow; the first answer is the answer, and one late one speaks against nobody', async (t) => {
    const got: string[] = [];
    const slow = await silent(got);
    const { app, upstreams } = await house(
      t,
      { orders: [slow, await noting(got, ok('well'))] },
      { settings: { hedge: 20, retries: 0 } },
    );
    const wire = await app();
    for (let n = 0; n < 4; n++) match(await wire.write(get()).message(), /well$/);
    const { stats } = upstreams.get('orders')!;
    await eventually(() => got.includes('given up') && stats.inFlight === 0);
    // a well one may be late as well on a busy machine, and is hedged then in vain
    deepEqual([stats.lost, stats.calls.get('2xx'), stats.hedgesWon > 0], [0, 4, true]);
    deepEqual(upstreams.get('orders')!.states(), { closed: 2, open: 0, half_open: 0, ejected: 0, ill: 0 });
    const onlyOutpaced =
      /^takes its turn(; \d hedged calls? (in a row were|was) answered first by a peer that was asked later, it may be ejected from 5 on while its peers do better)?$/;
    equal(
      upstreams
        .get('orders')!
        .explain()
        .every(({ reason }) => onlyOutpaced.test(reason)),
      true,
    );
  });

  it('is evidence against who is always silent: it is put out, tried by calls that are hedged, and back when it answers', async (t) => {
    const clock = new FakeClock();
    let asked = 0;
    let isSilent = true;
    const hangs = await RawServer.start(async (wire) => {
      for (;;) {
        await wire.message();
        asked++;
        if (!isSilent) wire.write(ok('awake'));
      }
    });
    const settings = { hedge: 20, retries: 1 };
    const { app, upstreams, outcomes } = await house(t, { orders: [hangs, await noting([], ok('well'))] }, { clock, settings });
    const orders = upstreams.get('orders')!;
    const wire = await app();
    const call = async (request = get()): Promise<string> => {
      let said = '';
      const before = asked;
      void wire
        .write(request)
        .message()
        .then((text) => (said = text.slice(9, 12)));
      for (; said === ''; await runningClock.sleep(2)) await clock.advance(asked > before && isSilent ? 20 : 0.001);
      return said;
    };
    for (let turn = 0; turn < 14; turn++) equal(await call(), '200');
    deepEqual([orders.states().ejected, asked, outcomes.filter(({ kind }) => kind === 'outpaced').length], [1, 5, 5]);
    match(orders.explain()[0]!.reason, /5 hedged calls in a row were answered first by a peer that was asked later/);
    await clock.advance(500);
    deepEqual([await call('PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 0\r\n\r\n'), asked], ['200', 5]); // is not hedged
    deepEqual([await call(), asked], ['200', 6]);
    isSilent = false;
    await clock.advance(500);
    for (let turn = 0; turn < 120; turn++) equal(await call(), '200');
    deepEqual([orders.states().ejected, asked > 10, orders.stats.lost, orders.stats.inFlight], [0, true, 0, 0]);
  });

  it('is one send where the answer comes in time, the method is not safe, or there is a body', async (t) => {
    const got: string[] = [];
    const { ask, upstreams } = await house(
      t,
      { orders: [await noting(got, ok()), await noting(got, ok())] },
      { settings: { hedge: 3_600_000 } },
    );
    for (const request of [get(), post(), get().replace('GET', 'DELETE')]) match(await ask(request), /200 OK/);
    const slow = await house(
      t,
      { orders: [await silent(got), await silent(got)] },
      { settings: { hedge: 1, requestTimeoutMs: 100 } },
    );
    got.length = 0;
    match(await slow.ask(post()), /request_timeout/);
    match(await slow.ask(get().replace('GET', 'DELETE')), /request_timeout/);
    match(await slow.ask(get('/', 'Content-Length: 1\r\n') + 'x'), /request_timeout/);
    deepEqual([upstreams.get('orders')!.stats.hedges, slow.upstreams.get('orders')!.stats.hedges], [0, 0]);
  });

  it('is left to the second when the first fails, and to the first when the second does', async (t) => {
    const late = (): Promise<RawServer> =>
      RawServer.start(async (wire) => {
        for (;;) {
          await wire.message();
          await runningClock.sleep(150);
          wire.write(ok('late'));
        }
      });
    const failing = await RawServer.start(async (wire) => {
      await wire.message();
      await runningClock.sleep(60);
      wire.reset();
    });
    const settings = { hedge: 20, retries: 0 };
    const { ask, upstreams } = await house(t, { orders: [failing, await late()] }, { settings });
    for (let n = 0; n < 2; n++) match(await ask(get()), /late$/);
    equal(upstreams.get('orders')!.stats.lost, 0);
  });

  it('fails when both legs do, and when the time is up for both', async (t) => {
    for (const [settings, answered] of [
      [{ hedge: 10, retries: 0, responseTimeoutMs: 60 }, /x-zidecar-error: response_timeout/],
      [{ hedge: 10, requestTimeoutMs: 60 }, /x-zidecar-error: request_timeout(?:.|\r\n)*after 2 attempts/],
    ] as const) {
      const [got, clock] = [[] as string[], new FakeClock()];
      const { ask, upstreams, outcomes } = await house(
        t,
        { orders: [await silent(got), await silent(got)] },
        { settings, clock },
      );
      const answer = ask(get());
      await eventually(() => got.length === 1);
      await clock.advance(10);
      await eventually(() => got.length === 2);
      await clock.advance(70);
      match(await answer, answered);
      await eventually(() => upstreams.get('orders')!.stats.inFlight === 0);
      deepEqual(
        outcomes.map((outcome) => 'code' in outcome && outcome.code),
        ['response_timeout', 'response_timeout'],
      );
    }
  });

  it('tells the percentile how long the app would have waited without it', async (t) => {
    const [got, seen, clock] = [[] as string[], [] as number[], new FakeClock()];
    const { ask, upstreams } = await house(
      t,
      { orders: [await silent(got), await RawServer.always(ok('well'))] },
      { settings: { hedge: 'p95' }, clock },
    );
    Object.assign(upstreams.get('orders')!.hedge, { delayMs: () => 30, seen: (ms: number) => seen.push(ms) });
    for (let n = 0; n < 2; n++) {
      const answer = ask(get());
      await Promise.race([answer, eventually(() => got.length > 0)]);
      await clock.advance(30);
      match(await answer, /well$/);
    }
    deepEqual(seen.toSorted(), [0, 30]);
  });

  it('is given up on both legs when the app goes away', async (t) => {
    const got: string[] = [];
    const { app, upstreams } = await house(t, { orders: [await silent(got), await silent(got)] }, { settings: { hedge: 5 } });
    const wire = await app();
    wire.write(get());
    await eventually(() => got.length === 2);
    wire.socket.destroy();
    await eventually(() => got.length === 4 && upstreams.get('orders')!.stats.inFlight === 0);
    equal(upstreams.get('orders')!.stats.calls.get('client_gone'), 1);
  });

  it('costs the budget, and is one send where that is spent', async (t) => {
    const got: string[] = [];
    const { ask, upstreams } = await house(
      t,
      { orders: [await silent(got), await silent(got)] },
      { settings: { hedge: 1, requestTimeoutMs: 30 } },
    );
    const upstream = upstreams.get('orders')!;
    while (upstream.budget.spend(runningClock.now()));
    match(await ask(get()), /request_timeout/);
    equal(upstream.stats.hedges, 0);
  });
});

describe('an endpoint that broke calls off', () => {
  it('is tried before its time by no call that would be lost by it', async (t) => {
    const got: string[] = [];
    const clock = new FakeClock();
    const settings: { retryOn: RetryOn } = { retryOn: retryOn(['connect', 'timeout', 'bad_answer']) };
    const peers = { orders: [await breaking(got), await RawServer.always(ok('well'))] };
    const { ask, upstreams } = await house(t, peers, { settings, clock });
    const upstream = upstreams.get('orders')!;
    for (let failure = 0; failure < 5; failure++) {
      const lease = upstream.acquire({ tried: ['b'] }) as Lease;
      lease.answered(failed('reset', 1));
      lease.release();
    }
    await clock.advance(500);
    const isWell = async (request: string): Promise<void> => match(await ask(request), /^HTTP\/1\.1 200 .*well$/s);
    await isWell(get()); // a reset is not repeated
    settings.retryOn = defaultRetryOn;
    await isWell(`PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 65537\r\n\r\n${'x'.repeat(65_537)}`);
    await isWell('PUT / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n');
    await isWell(get('/', 'x-zidecar-timeout: 1s\r\n'));
    upstream.budget.percent = 0;
    while (upstream.budget.spend(clock.now()));
    await isWell(get());
    equal(got.length, 0);
    await clock.advance(10_000);
    const last = isWell(get());
    await eventually(() => upstream.budget.usedPercent(clock.now()) > 0);
    await clock.advance(25); // the pause before the second send
    await last;
    deepEqual([got.length, upstream.stats.lost], [1, 0]);
  });
});
