import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryBudget } from '../../lb/budget.js';
import { failures, type FailureCode } from '../../lb/errors.js';
import { isIdempotent, RetryDecider, type CallSoFar, type FailedAttempt } from '../../lb/retry.js';
import { defaultRetryOn, retryAfterOf, retryOn } from '../../lb/retry-on.js';
import { UpstreamStats } from '../../lb/stats.js';

const plain = { idempotent: true, replayable: true, retries: 1, on: defaultRetryOn, leftMs: Infinity };
const deciding = (budget = new RetryBudget(), random = (): number => 0.5) => {
  const stats = new UpstreamStats();
  const told: string[] = [];
  const decider = new RetryDecider({ budget, random, stats, exhausted: () => told.push('exhausted') });
  const next = (call: Partial<CallSoFar>, code: FailureCode, sent: FailedAttempt['sent'], now = 0): number | undefined => {
    const counts = sent === 'nothing' ? { attempt: 0, unsentTries: 1 } : { attempt: 1, unsentTries: 0 };
    return decider.next({ ...plain, ...counts, ...call }, { code, sent }, now);
  };
  const afterAnswer = (call: Partial<CallSoFar>, status: number, retryAfterMs?: number, now = 0): number | undefined =>
    decider.afterAnswer({ ...plain, attempt: 1, unsentTries: 0, ...call }, { status, retryAfterMs }, now);
  const afterTrial = (status: number, retryAfterMs?: number, idempotent = true): number | undefined =>
    decider.afterAnswer({ ...plain, attempt: 1, unsentTries: 0, idempotent }, { status, retryAfterMs, onTrial: true }, 0);
  return { next, afterAnswer, afterTrial, stats, told };
};
const again = (pause: number | undefined): boolean => pause !== undefined;

describe('retry', () => {
  it('knows the methods that may be repeated', () => {
    deepEqual(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'].map(isIdempotent), [true, true, true, true, true, true]);
    deepEqual(['POST', 'PATCH', 'get', 'CONNECT', 'PROPFIND'].map(isIdempotent), [false, false, false, false, false]);
  });

  for (const [code, { retry }] of Object.entries(failures) as [FailureCode, { retry: string }][]) {
    it(`sends a POST again after ${code} ${retry === 'never' ? 'never' : 'only if nothing was written'}`, () => {
      const answers = (['nothing', 'some', 'all'] as const).map((sent) =>
        again(deciding().next({ idempotent: false }, code, sent)),
      );
      deepEqual(answers, [retry !== 'never', false, false]);
    });

    it(`sends a GET again after ${code} ${retry === 'idempotent' ? 'whatever was written' : 'as it does a POST'}`, () => {
      const answers = (['nothing', 'some', 'all'] as const).map((sent) => again(deciding().next({}, code, sent)));
      deepEqual(answers, [retry !== 'never', retry === 'idempotent', retry === 'idempotent']);
    });
  }

  it('repeats only what it still holds whole', () => {
    equal(deciding().next({ replayable: false }, 'reset', 'all'), undefined);
  });

  it('repeats as often as the call allows', () => {
    const { next } = deciding();
    equal(again(next({ attempt: 1, retries: 0 }, 'reset', 'all')), false);
    equal(again(next({ attempt: 2, retries: 2 }, 'reset', 'all')), true);
    equal(again(next({ attempt: 3, retries: 2 }, 'reset', 'all')), false);
  });

  it('goes to three endpoints in all when nothing was written, whatever the call allows', () => {
    const { next } = deciding();
    equal(again(next({ unsentTries: 1, retries: 0 }, 'connect_refused', 'nothing')), true);
    equal(again(next({ unsentTries: 2, retries: 0 }, 'connect_refused', 'nothing')), true);
    equal(again(next({ unsentTries: 3, retries: 0 }, 'connect_refused', 'nothing')), false);
  });

  it('keeps the two allowances apart', () => {
    const { next } = deciding();
    equal(again(next({ attempt: 1, unsentTries: 2, retries: 1 }, 'reset', 'all')), true);
    equal(again(next({ attempt: 2, unsentTries: 1, retries: 1 }, 'connect_refused', 'nothing')), true);
  });

  it('sends at once after the first that reached nobody, and pauses after the second', () => {
    const { next } = deciding();
    equal(next({ unsentTries: 1 }, 'connect_refused', 'nothing'), 0);
    equal(next({ unsentTries: 2 }, 'connect_refused', 'nothing'), 25);
  });

  it('pauses up to 25 ms at first, twice as long each time, and 250 ms at most', () => {
    const pauses = [1, 2, 3, 4, 5, 20].map((attempt) =>
      deciding(undefined, () => 1).next({ attempt, retries: 99 }, 'reset', 'all'),
    );
    deepEqual(pauses, [25, 50, 100, 200, 250, 250]);
    equal(deciding(undefined, () => 0).next({}, 'reset', 'all'), 0);
  });

  it('pays for each from the budget, and tells once when there is no more', () => {
    const { next, stats, told } = deciding(new RetryBudget({ percent: 20, floor: 2, spanMs: 10_000 }));
    const answers = [1, 2, 3, 4].map(() => again(next({}, 'reset', 'all')));
    deepEqual(answers, [true, true, false, false]);
    deepEqual([stats.retryOverflow, told], [2, ['exhausted']]);
    ok(again(next({}, 'reset', 'all', 10_000)));
    next({}, 'connect_refused', 'nothing', 10_000);
    equal(next({}, 'connect_refused', 'nothing', 10_000), undefined);
    deepEqual(told, ['exhausted', 'exhausted']);
  });

  it('tells that the budget is spent once, however often it comes and goes, until it has refused nobody for 10 s', () => {
    const { next, told } = deciding(new RetryBudget({ percent: 0, floor: 2, spanMs: 10_000 }));
    for (let now = 0; now < 60_000; now += 1_000) next({}, 'reset', 'all', now);
    deepEqual(told, ['exhausted']);
    for (let turn = 0; turn < 3; turn++) next({}, 'reset', 'all', 75_000);
    deepEqual(told, ['exhausted', 'exhausted']);
  });

  it('pays nothing for what it does not send', () => {
    const { next, stats } = deciding(new RetryBudget({ percent: 0, floor: 1, spanMs: 10_000 }));
    next({ idempotent: false }, 'reset', 'some');
    next({}, 'client_gone', 'all');
    deepEqual([stats.retryOverflow, again(next({}, 'reset', 'all'))], [0, true]);
  });

  it('sends nothing again after what the user does not repeat, sent or unsent', () => {
    const on = retryOn(['reset']);
    deepEqual(
      [
        again(deciding().next({ on }, 'connect_refused', 'nothing')),
        again(deciding().next({ on }, 'response_timeout', 'all')),
        again(deciding().next({ on }, 'reset', 'all')),
      ],
      [false, false, true],
    );
  });

  it('grants nothing, and takes nothing from the budget, when the pause would outlast the call', () => {
    const { next, stats } = deciding(new RetryBudget({ percent: 0, floor: 1, spanMs: 10_000 }), () => 1);
    deepEqual([next({ leftMs: 25 }, 'reset', 'all'), next({ leftMs: 26 }, 'reset', 'all')], [undefined, 25]);
    equal(stats.retryOverflow, 0);
  });
});

describe('an attempt that may fail without a loss', () => {
  const before: CallSoFar = { ...plain, attempt: 0, unsentTries: 0 };
  const deciding = (budget = new RetryBudget()): RetryDecider =>
    new RetryDecider({ budget, random: () => 1, stats: new UpstreamStats(), exhausted: () => undefined });

  it('is one after which there is another, whatever it failed by', () => {
    const decider = deciding(new RetryBudget({ percent: 0, floor: 1, spanMs: 10_000 }));
    equal(decider.losesNothing(before, 0) && decider.losesNothing(before, 0), true);
    const repeated = (Object.keys(failures) as FailureCode[]).filter((code) => failures[code].retry !== 'never');
    for (const code of repeated)
      for (const [sent, counts] of [
        ['nothing', { attempt: 0, unsentTries: 1 }],
        ['all', { attempt: 1, unsentTries: 0 }],
      ] as const)
        if (sent === 'nothing' || failures[code].retry === 'idempotent')
          ok(again(deciding().next({ ...before, ...counts, leftMs: 1_251 }, { code, sent }, 0)), code);
  });

  it('is none where any failure is not repeated, or the body will not be held, the allowance is gone, or time or budget are', () => {
    const kinds = ['connect', 'reset', 'timeout', 'bad_answer'];
    const without = kinds.map((kind) => ({ on: retryOn(kinds.filter((one) => one !== kind)) }));
    const lacks = [
      { idempotent: false },
      { replayable: false },
      { retries: 0 },
      { attempt: 1 },
      { unsentTries: 2 },
      { leftMs: 1_250 },
    ];
    for (const lack of [...without, ...lacks])
      equal(deciding().losesNothing({ ...before, ...lack }, 0), false, JSON.stringify(lack));
    equal(deciding().losesNothing({ ...before, leftMs: 1_251 }, 0), true);
    const spent = new RetryBudget({ percent: 0, floor: 1, spanMs: 10_000 });
    spent.spend(0);
    equal(deciding(spent).losesNothing(before, 0), false);
  });
});

describe('a retry after an answer', () => {
  const on = retryOn(['503', '429']);

  it('is for the statuses that the user repeats, by default none', () => {
    const after = (status: number, words = on): boolean => again(deciding().afterAnswer({ on: words }, status));
    deepEqual(
      [503, 429, 500, 200].map((status) => after(status)),
      [true, true, false, false],
    );
    equal(
      [200, 404, 429, 500, 502, 503, 504, 599].some((status) => after(status, defaultRetryOn)),
      false,
    );
    const all = Array.from({ length: 400 }, (_, index) => 200 + index);
    deepEqual(
      all.filter((status) => after(status, retryOn(['5xx']))),
      all.slice(300),
    );
  });

  it('is bound as after a failure: the method, the body, the count, the budget', () => {
    for (const call of [{ idempotent: false }, { replayable: false }, { attempt: 2 }, { retries: 0 }])
      equal(deciding().afterAnswer({ on, ...call }, 503), undefined, JSON.stringify(call));
    const { afterAnswer, stats } = deciding(new RetryBudget({ percent: 0, floor: 1, spanMs: 10_000 }));
    deepEqual([again(afterAnswer({ on }, 503)), again(afterAnswer({ on }, 503)), stats.retryOverflow], [true, false, 1]);
  });

  it('follows a bad answer of a trial whatever the user repeats, and at once, for it says nothing of the service', () => {
    const { afterTrial, afterAnswer } = deciding();
    deepEqual([afterTrial(500), afterTrial(503, 60_000)], [0, 0]);
    const others = [afterTrial(501), afterTrial(404), afterTrial(200), afterTrial(500, 0, false), afterAnswer({}, 500)];
    deepEqual(others.filter(again), []);
  });

  it('waits for as long as the endpoint asks for, and is none where that is too long or outlasts the call', () => {
    deepEqual(
      [undefined, 0, 5, 1_000, 5_000, 5_001].map((ms) => deciding().afterAnswer({ on }, 503, ms)),
      [...[12.5, 12.5, 12.5, 1_000, 5_000], undefined],
    );
    equal(deciding().afterAnswer({ on, leftMs: 1_000 }, 503, 1_000), undefined);
  });
});

describe('Retry-After', () => {
  const wall = Date.parse('2026-11-26T12:00:00Z');
  it('is a number of seconds or a date; anything else asks for nothing', () => {
    const table: readonly (readonly [readonly string[], number | undefined])[] = [
      [['3'], 3_000],
      [['0'], 0],
      [['9999999999'], 9_999_999_999_000],
      [['9'.repeat(400)], Infinity],
      [['Thu, 26 Nov 2026 12:00:02 GMT'], 2_000],
      [['Thu, 26 Nov 2026 11:00:00 GMT'], 0],
      [[], undefined],
      [['3', '4'], undefined],
      ...['-1', '1.5', 'soon', '2026-11-26', 'Thu, 99 Xyz 2026 12:00:02 GMT', ''].map((text) => [[text], undefined] as const),
    ];
    for (const [values, ms] of table) equal(retryAfterOf(values, wall), ms, String(values));
  });
});
