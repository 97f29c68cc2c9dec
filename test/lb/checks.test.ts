import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { check as oneCheck } from '../../lb/check.js';
import { Checker } from '../../lb/checker.js';
import type { CheckOptions } from '../../lb/checks.js';
import { allEnforced } from '../../lb/enforced.js';
import type { UpstreamParts } from '../../lb/upstream.js';
import { failed } from '../../lb/outcome.js';
import { FakeClock } from '../support/clock.js';
import { RawServer } from '../support/raw.js';
import { clock as runningClock } from '../support/running-clock.js';
import { dead, eventually } from './full/house.js';
import { abc, bad, orders } from './orders.js';

const check: CheckOptions = { intervalMs: 10_000, timeoutMs: 1_000, rise: 2, fall: 3 };
const checked = (ids: string, more: Partial<UpstreamParts> = {}) => {
  const made = orders(abc(ids), { random: () => 0.5, more: { check, ...more } });
  const checks = made.upstream.checks!;
  const ask = (why?: string): string =>
    checks
      .take(made.clock.now(), 100)
      .map((due) => {
        checks.ended(due, why, made.clock.now());
        return due.endpoint.id;
      })
      .join('');
  const reason = (id: string): string => made.upstream.explain().find((view) => view.id === id)!.reason;
  return { ...made, checks, ask, reason };
};

describe('checks', () => {
  it('put out after three fails in a row, let in after two passes, and come soon while that is open', async () => {
    const { ask, calls, clock, told, reason, upstream } = checked('ab');
    await clock.advance(500);
    const fail = (): void => {
      for (const due of upstream.checks!.take(clock.now(), 100))
        upstream.checks!.ended(due, due.endpoint.id === 'a' ? 'status 503' : undefined, clock.now());
    };
    fail();
    await clock.advance(500);
    fail();
    equal(upstream.states().ill, 0);
    await clock.advance(500);
    fail();
    deepEqual(
      [upstream.states().ill, calls(3), reason('a')],
      [1, 'b b b', 'found ill by its checks: status 503; 2 passes in a row let it in again'],
    );
    deepEqual(
      upstream.explain().map(({ outSince, outUntil }) => [outSince, outUntil]),
      [
        [clock.wall(), null],
        [null, null],
      ],
    );
    deepEqual(told('endpoint_ill'), [{ kind: 'endpoint_ill', upstream: 'orders', endpoint: '10.0.0.1:8080', why: 'status 503' }]);
    await clock.advance(500);
    equal(ask(), 'a');
    await clock.advance(50); // its first pass is confirmed at once
    equal(ask(), 'a');
    deepEqual([upstream.states().ill, told('endpoint_well').length], [0, 1]);
    await clock.advance(9_999);
    equal(ask(), 'b'); // which has been well all the time
    await clock.advance(1);
    equal(ask(), 'a');
  });

  it('that find an ejected one ill and then well let it in before its time, and a page that was well all the time does not', async () => {
    const page = { ...check, path: '/health', rise: 1, fall: 1 };
    for (const said of [
      ['status 500', undefined],
      [undefined, undefined],
    ] as const) {
      const { upstream, call, ask, clock, reason } = checked('abc', { check: page });
      for (let turn = 0; turn < 5; turn++) {
        const lease = upstream.acquire({ tried: ['b', 'c'] });
        if (typeof lease === 'string') throw new Error(lease);
        lease.answered({ kind: 'success', status: 503, ms: 1 });
        lease.release();
      }
      equal(upstream.states().ejected, 1);
      for (const why of said) {
        await clock.advance(11_000);
        ask(why);
        if (why !== undefined)
          match(reason('a'), /; it ends sooner, after a pass of its checks, which find it ill too \(status 500\)$/);
      }
      equal(upstream.states().ejected, said[0] === undefined ? 1 : 0);
      call();
    }
  });

  it('come soon when calls have put one out: that is when they can see what the calls have seen', async () => {
    const said = failed('reset', 1);
    for (const outcome of [said, { kind: 'success', status: 503, ms: 1 } as const]) {
      const { upstream, ask, clock } = checked('abc');
      await clock.advance(1_000);
      equal(ask().length, 3);
      const turns = outcome === said ? 2 : 5;
      for (let turn = 0; turn < turns; turn++) {
        const lease = upstream.acquire({ tried: ['b', 'c'] });
        if (typeof lease === 'string') throw new Error(lease);
        lease.answered(outcome);
        lease.release();
      }
      equal(upstream.states()[outcome === said ? 'open' : 'ejected'], 1);
      await clock.advance(250);
      equal(ask(), 'a');
      await clock.advance(1_000);
      equal(ask(), '');
    }
  });

  it('of one that is ill do not wait for one that hangs, which says nothing when it ends after a later one', async () => {
    const { upstream, checks, ask, clock } = checked('a', { check: { ...check, fall: 1 } });
    await clock.advance(500);
    ask('no answer in 1000 ms');
    equal(upstream.states().ill, 1);
    await clock.advance(500);
    const began = clock.now();
    const [hanging] = checks.take(began, 100); // and it is well again from here on
    await clock.advance(499);
    equal(ask(), '');
    await clock.advance(1);
    equal(ask(), 'a');
    await clock.advance(50);
    equal(ask(), 'a');
    deepEqual([upstream.states().ill, clock.now() - began], [0, 550]);
    await clock.advance(450);
    checks.ended(hanging!, 'no answer in 1000 ms', clock.now(), began);
    equal(upstream.states().ill, 0);
    equal(ask(), '');
  });

  it('of one that is ill and hangs are two at one time, half a second apart', async () => {
    const { upstream, checks, ask, clock } = checked('a', { check: { ...check, fall: 1 } });
    await clock.advance(500);
    ask('x');
    equal(upstream.states().ill, 1);
    const begun: number[] = [];
    const running: { readonly due: ReturnType<typeof checks.take>[number]; readonly at: number }[] = [];
    for (let ms = 0; ms < 5_000; ms += 100) {
      await clock.advance(100);
      const now = clock.now();
      while (running.length > 0 && now - running[0]!.at >= 1_000) {
        const { due, at } = running.shift()!;
        checks.ended(due, 'no answer in 1000 ms', now, at);
      }
      for (const due of checks.take(now, 100)) {
        running.push({ due, at: now });
        begun.push(now);
      }
      ok(running.length <= 2, String(running.length));
    }
    deepEqual(
      begun.slice(1).map((at, index) => at - begun[index]!),
      begun.slice(1).map(() => 500),
    );
  });

  it('begin, change and end while calls go on, with a reload', async () => {
    const { upstream, clock } = orders(abc('ab'), { random: () => 0.5 });
    const ask = (why?: string): string =>
      upstream
        .checks!.take(clock.now(), 100)
        .map((due) => (upstream.checks!.ended(due, why, clock.now()), due.endpoint.id))
        .join('');
    equal(upstream.checks, undefined);
    upstream.reconsider({ ...check, fall: 1, intervalMs: 3_600_000 });
    await clock.advance(500);
    equal(ask(), 'ab');
    upstream.reconsider({ ...check, fall: 1, intervalMs: 1_000 }); // need not wait for the hour
    await clock.advance(500);
    const [running] = upstream.checks!.take(clock.now(), 1);
    const before = upstream.checks!;
    before.ended(running!, 'status 503', clock.now());
    equal(upstream.states().ill, 1);
    await clock.advance(500);
    const [late] = before.take(clock.now(), 1);
    upstream.reconsider(undefined);
    deepEqual([upstream.states().ill, upstream.checks], [0, undefined]);
    before.ended(late!, 'status 503', clock.now()); // it ran when the checks ended
    await clock.advance(500);
    deepEqual([upstream.states().ill, before.take(clock.now(), 100)], [0, []]);
  });

  it('begin anew when one disagrees', async () => {
    const { ask, clock, upstream } = checked('a');
    await clock.advance(500);
    for (const why of ['x', 'x', undefined, 'x', 'x']) {
      ask(why);
      await clock.advance(10_000);
    }
    equal(upstream.states().ill, 0);
  });

  it('are pardoned when too few would be left, and put nobody out in the shadow', async () => {
    const all = checked('ab');
    const dark = checked('ab', { enforced: { ...allEnforced, checks: false } });
    for (const { clock, ask } of [all, dark])
      for (let time = 0; time < 3; time++) {
        await clock.advance(500);
        ask('status 500');
      }
    deepEqual([all.upstream.verdict().panic, all.calls(2).length], [true, 3]);
    match(all.reason('a'), /pardoned, as too few are well: found ill by its checks: status 500/);
    deepEqual([dark.upstream.verdict().panic, dark.upstream.stats.wouldHave.checks], [false, 2]);
    match(dark.reason('a'), /in the shadow: found ill by its checks/);
  });

  it('let the trial begin when one that they had found ill is well again, whatever opened its circuit, and only then', async () => {
    for (const [path, state] of [
      ['/health', 'half_open'],
      [undefined, 'open'],
    ] as const) {
      const { ask, clock, upstream, call } = checked('ab', { check: { ...check, ...(path !== undefined && { path }) } });
      for (let time = 0; time < 2; time++) call(failed('reset', 1), { tried: ['b'] }); // a, for a second
      equal(upstream.states().open, 1);
      await clock.advance(500);
      ask();
      equal(upstream.states().open, 1); // it passes: that is no news
      const results = ['x', 'x', 'x', undefined, undefined];
      for (const why of results) {
        await clock.advance(10);
        if (why === undefined && path !== undefined)
          match(
            upstream.explain()[0]!.reason,
            /; next trial in 0\.\d s, or after 2 passes in a row of its checks, which find it ill too \(x\)$/,
          );
        for (const due of upstream.checks!.take(clock.now() + 60_000, 100)) upstream.checks!.ended(due, why, clock.now());
      }
      equal(upstream.states()[state], 1, path);
    }
  });

  it('that could not be done say nothing, and come again', async () => {
    const { ask, clock, upstream, checks } = checked('a', { panic: { percent: 0 } });
    for (let time = 0; time < 3; time++) {
      await clock.advance(500);
      ask('status 503');
    }
    for (let time = 0; time < 5; time++) {
      await clock.advance(500);
      const [due] = checks.take(clock.now(), 1);
      checks.skipped(due!, clock.now());
      equal(upstream.states().ill, 1);
    }
  });

  it('are for those in the list only', async () => {
    const { ask, clock, upstream, checks } = checked('ab');
    await clock.advance(500);
    const [running] = checks.take(clock.now(), 1);
    const [other] = checks.take(clock.now(), 1);
    upstream.update([]);
    checks.ended(running!, 'too late', clock.now());
    checks.skipped(other!, clock.now());
    await clock.advance(60_000);
    equal(ask(), '');
  });
});

describe('a checker', () => {
  const unasked = (): void => undefined;
  const answers = async (answer: string): Promise<RawServer> => RawServer.always(answer);

  it('takes 200 to 399 for a pass, and says in words what else there was', async (t) => {
    const cases: readonly [RawServer, RegExp | undefined][] = [
      [await answers('HTTP/1.1 204 No Content\r\n\r\n'), undefined],
      [await answers('HTTP/1.0 302 Found\r\n\r\n'), undefined],
      [await answers('HTTP/1.1 503 Busy\r\n\r\n'), /^status 503$/],
      [await answers('SSH-2.0-OpenSSH\r\n'), /not answer in HTTP/],
      [await RawServer.start((wire) => wire.socket.end()), /closed the connection/],
      [await RawServer.start(() => undefined), /no answer in 200 ms/],
    ];
    t.after(() => Promise.all(cases.map(([server]) => server.stop())));
    const list = [...cases.map(([server], index) => server.endpoint('abcdef'[index]!)), await dead('g')];
    const soon = { ...check, intervalMs: 100, timeoutMs: 200, path: '/health', fall: 1 };
    const { upstream, told } = orders(list, { more: { check: soon, clock: runningClock, panic: { percent: 0 } } });
    const checker = new Checker({ clock: runningClock, upstreams: () => [upstream] });
    checker.start();
    t.after(() => checker.stop());
    await eventually(() => told('endpoint_ill').length >= 5);
    const said = new Map(upstream.explain().map(({ id, reason }) => [id, reason]));
    cases.forEach(([, why], index) => {
      const reason = said.get('abcdef'[index]!)!;
      match(
        reason,
        why === undefined ? /^takes calls/ : new RegExp(`^found ill by its checks: .*${why.source.replace(/[\^$]/g, '')}`),
      );
    });
    match(said.get('g')!, /refused/);
  });

  it('does not take it for a pass when this machine has no room for a connection', async (t) => {
    t.mock.method(Socket.prototype, 'connect', function full(this: Socket) {
      return this.destroy(Object.assign(new Error('too many open files'), { code: 'EMFILE' }));
    });
    const clock = new FakeClock();
    const { upstream } = orders(abc('a'), {
      more: { clock, panic: { percent: 0 }, check: { ...check, intervalMs: 100, fall: 1 } },
    });
    const checks = upstream.checks!;
    await clock.advance(100);
    checks.ended(checks.take(clock.now(), 1)[0]!, 'status 503', clock.now());
    const checker = new Checker({ clock, upstreams: () => [upstream] });
    checker.start();
    for (let time = 0; time < 10; time++) await clock.advance(100);
    checker.stop();
    deepEqual([upstream.states().ill, upstream.stats.inFlight], [1, 0]);
  });

  it('gives each upstream its turn, though the checks of another hang', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const clock = new FakeClock();
    const list = abc('abcdef').map(({ id }) => server.endpoint(id));
    const hanging = orders(list, { more: { clock, check: { ...check, intervalMs: 100, path: '/' } } }).upstream;
    let places = 0;
    const checks = {
      options: check,
      take: (_: number, most: number) => ((places += most), []),
      ended: unasked,
      skipped: unasked,
    };
    const other = { name: 'other', checks, reached: unasked, unreached: unasked };
    const checker = new Checker({ clock, upstreams: () => [hanging, other], concurrency: 2 });
    checker.start();
    t.after(() => checker.stop());
    for (let time = 0; time < 30 && places === 0; time++) await clock.advance(100);
    ok(places > 0, 'it had no place in 3 s');
  });

  it('gives a check its time once, however much of it the connect took', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const clock = new FakeClock();
    let proven: () => void = () => undefined;
    const ask = (done: () => void) => ((proven = done), () => undefined);
    const slow = { ...server.endpoint('a'), doubt: { why: 'kept', kept: false, ask, failed: () => undefined } };
    let said: unknown;
    t.after(oneCheck(slow, { clock, timeoutMs: 1_000, service: 'orders', path: '/' }, (failed) => (said = failed)));
    await clock.advance(600);
    proven();
    await eventually(() => server.wires[0]?.unread.includes('GET /') ?? false);
    await clock.advance(399);
    equal(said, undefined);
    await clock.advance(1);
    equal(said, 'no answer in 1000 ms');
  });

  it('tells the circuits that an endpoint could be connected to, and lets its trial begin', async (t) => {
    const server = await RawServer.start(() => undefined);
    t.after(() => server.stop());
    const tcp = { ...check, intervalMs: 100 };
    const breaker = { failures: 1 };
    const { upstream, call } = orders([server.endpoint('a')], { ...breaker, more: { check: tcp, clock: runningClock } });
    call(bad);
    equal(upstream.states().open, 1);
    const checker = new Checker({ clock: runningClock, upstreams: () => [upstream] });
    checker.start();
    t.after(() => checker.stop());
    await eventually(() => upstream.states().half_open === 1);
  });
});
