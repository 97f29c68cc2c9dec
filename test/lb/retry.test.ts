import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryBudget } from '../../lb/budget.js';
import { failures, type FailureCode } from '../../lb/errors.js';
import { isIdempotent, RetryDecider, type CallSoFar, type FailedAttempt } from '../../lb/retry.js';
import { UpstreamStats } from '../../lb/stats.js';

const deciding = (budget = new RetryBudget(), random = (): number => 0.5) => {
  const stats = new UpstreamStats();
  const told: string[] = [];
  const decider = new RetryDecider({ budget, random, stats, exhausted: () => told.push('exhausted') });
  const next = (call: Partial<CallSoFar>, code: FailureCode, sent: FailedAttempt['sent'], now = 0): number | undefined => {
    const counts = sent === 'nothing' ? { attempt: 0, unsentTries: 1 } : { attempt: 1, unsentTries: 0 };
    return decider.next({ idempotent: true, replayable: true, retries: 1, ...counts, ...call }, { code, sent }, now);
  };
  return { next, stats, told };
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
});
