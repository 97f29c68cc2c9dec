import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { CircuitBreaker, defaultBreaker, type BreakerOptions } from '../../lb/breaker.js';
import type { Outcome } from '../../lb/outcome.js';
import { seeded } from '../support/random.js';

const good: Outcome = { kind: 'success', ms: 1 };
const bad: Outcome = { kind: 'failure', code: 'connect_refused', ms: 1 };
const reset: Outcome = { kind: 'failure', code: 'reset', ms: 1 };
const silent: Outcome = { kind: 'ignored' };

const make = (jitter = 0, random = (): number => 0.5): CircuitBreaker =>
  new CircuitBreaker({ ...defaultBreaker, failures: 3, openMs: 1_000, maxOpenMs: 3_000, jitter }, random);
const call = (breaker: CircuitBreaker, outcome: Outcome, now = 0) => breaker.end(breaker.begin(now), outcome, now);
const tripped = (outcome = bad): CircuitBreaker => {
  const breaker = make();
  for (let failure = 0; failure < 3; failure++) call(breaker, outcome);
  return breaker;
};

describe('breaker', () => {
  it('opens on the third failure in a row, and says so once', () => {
    const breaker = make();
    deepEqual([call(breaker, bad), call(breaker, bad), breaker.state(0)], [undefined, undefined, 'closed']);
    deepEqual([call(breaker, bad), breaker.state(0)], ['opened', 'open']);
  });

  it('starts counting again after a success', () => {
    const breaker = make();
    for (const outcome of [bad, bad, good, bad, bad]) call(breaker, outcome);
    equal(breaker.state(0), 'closed');
  });

  it('takes a call that was outpaced for no success of a trial, for a slow one if it was silent so long, and else for nothing', () => {
    const outpaced = (ms: number): Outcome => ({ kind: 'outpaced', ms });
    const breaker = tripped();
    equal(call(breaker, outpaced(10), 1_000), 'opened'); // its trial; for no longer than before
    equal(breaker.state(1_999), 'open');
    equal(breaker.state(2_000), 'half_open');
    equal(breaker.isQuick, false);
    equal(breaker.why(), 'its trial was silent for 10 ms, when a peer that was asked later answered');
    const slow = new CircuitBreaker({ ...defaultBreaker, slow: { ms: 200, percent: 50 }, minCalls: 4 }, () => 0.5);
    for (const ms of [10, 20, 200, 200, 200]) equal(call(slow, outpaced(ms)), undefined);
    equal(call(slow, outpaced(200)), 'opened');
    equal(slow.why(), '4 of 4 calls in 10 s took 200 ms or longer');
    equal(slow.isQuick, false);
  });

  it('does not count what says nothing', () => {
    const breaker = make();
    for (const outcome of [bad, silent, bad, silent, silent]) call(breaker, outcome);
    equal(breaker.failuresInRow, 2);
  });

  it('lets one trial through when its time is up, and only one', () => {
    const breaker = tripped();
    equal(breaker.allows(999), false);
    equal(breaker.allows(1_000), true);
    breaker.begin(1_000);
    equal(breaker.allows(1_000), false);
    equal(breaker.state(1_000), 'half_open');
  });

  it('stays open twice as long when the trial fails, up to the limit', () => {
    const breaker = tripped();
    equal(call(breaker, bad, 1_000), 'opened');
    equal(breaker.reopenAt, 3_000);
    call(breaker, bad, 3_000);
    equal(breaker.reopenAt, 6_000); // 4 s would be due, 3 s is the limit
  });

  it('closes when the trial succeeds, and is open briefly again the next time', () => {
    const breaker = tripped();
    call(breaker, bad, 1_000);
    equal(call(breaker, good, 3_000), 'closed');
    for (let failure = 0; failure < 3; failure++) call(breaker, bad, 4_000);
    equal(breaker.reopenAt, 5_000);
  });

  it('gives the trial back when it said nothing', () => {
    const breaker = tripped();
    equal(call(breaker, silent, 1_000), 'returned');
    equal(breaker.allows(1_000), true);
  });

  it('learns nothing from a call sent in spite of it', () => {
    const breaker = tripped();
    equal(call(breaker, good, 500), undefined);
    equal(breaker.state(500), 'open');
  });

  it('lets a call that can be repeated be a trial each half second, which leaves the pauses as they are when it fails', () => {
    const breaker = tripped(reset);
    equal(breaker.mayTryEarly(499), false);
    equal(breaker.allows(500), false);
    equal(breaker.mayTryEarly(500), true);
    const trial = breaker.begin(500);
    equal(breaker.mayTryEarly(500), false); // one at a time
    equal(breaker.allows(1_000), false);
    equal(breaker.end(trial, reset, 501), 'stays_open');
    deepEqual([breaker.reopenAt, breaker.mayTryEarly(1_000)], [1_000, false]);
    equal(call(breaker, reset, 1_000), 'opened');
    deepEqual([breaker.reopenAt, breaker.mayTryEarly(1_500)], [3_000, true]);
    equal(call(breaker, good, 1_500), 'closed');
  });

  it('lets no such call find out about one that broke an answer off, which nobody can repeat', () => {
    equal(tripped({ kind: 'failure', code: 'cut', ms: 1 }).mayTryEarly(900), false);
  });

  it('lets no such call find out what costs more than a second, nor what a connect can tell', () => {
    const late: Outcome = { kind: 'failure', code: 'response_timeout', ms: 1_001 };
    for (const outcome of [late, bad]) equal(tripped(outcome).mayTryEarly(900), false);
    const slow = new CircuitBreaker({ ...defaultBreaker, slow: { ms: 200, percent: 50 }, minCalls: 4, openMs: 2_000 }, () => 0.5);
    const answered: Outcome = { kind: 'success', ms: 400 };
    for (let answer = 0; answer < 4; answer++) call(slow, answered);
    equal(slow.mayTryEarly(500), true);
    equal(call(slow, answered, 500), 'stays_open');
    match(slow.why(), /^its trial took \d+ ms, 200 ms or longer is slow$/);
    equal(slow.mayTryEarly(1_000) && call(slow, good, 1_000), 'closed');
  });

  it('takes no answer from before it opened for the trial', () => {
    const breaker = make();
    const slow = [breaker.begin(0), breaker.begin(0)];
    for (let failure = 0; failure < 3; failure++) call(breaker, bad);
    breaker.begin(1_000); // the trial, still out
    breaker.end(slow[0]!, good, 1_001);
    equal(breaker.state(1_001), 'half_open');
    breaker.end(slow[1]!, bad, 1_001);
    equal(breaker.reopenAt, 1_000);
  });

  it('takes no answer from before it opened for one of the time after it closed', () => {
    const breaker = make();
    const slow = breaker.begin(0);
    for (let failure = 0; failure < 3; failure++) call(breaker, bad);
    call(breaker, good, 1_000);
    breaker.end(slow, bad, 1_001);
    equal(breaker.failuresInRow, 0);
  });

  it('lets the trial begin early when a connect came through to one that could not be reached', () => {
    const breaker = tripped(bad);
    equal(breaker.mayTry(400), true);
    equal(breaker.state(400), 'half_open');
    equal(breaker.mayTry(400), false);
  });

  it('waits out its time when connecting was not the trouble', () => {
    const breaker = tripped(reset);
    equal(breaker.mayTry(400), false);
    equal(breaker.state(400), 'open');
  });

  it('has no use for a connect while closed', () => {
    equal(make().mayTry(0), false);
  });

  it('spreads the end of the opening by the jitter, either way', () => {
    const ends = [0, 0.5, 1].map((draw) => {
      const breaker = make(0.2, () => draw);
      for (let failure = 0; failure < 3; failure++) call(breaker, bad);
      return breaker.reopenAt;
    });
    deepEqual(ends, [800, 1_000, 1_200]);
  });

  const judging = (options: Partial<BreakerOptions>): CircuitBreaker =>
    new CircuitBreaker({ ...defaultBreaker, failures: 1_000, jitter: 0, minCalls: 4, ...options }, () => 0.5);

  it('opens when too many of the last calls failed, however they alternate, and says so', () => {
    const breaker = judging({ failurePercent: 50 });
    for (const outcome of [bad, good, bad]) equal(call(breaker, outcome), undefined);
    equal(call(breaker, good), 'opened');
    equal(breaker.why(), '2 of 4 calls in 10 s failed');
    equal(call(breaker, good, 1_000), 'closed');
    for (const outcome of [bad, bad, bad]) equal(call(breaker, outcome, 1_000), undefined); // what was before is forgotten
  });

  it('forgets what is older than its span, without any call', () => {
    const breaker = judging({ failurePercent: 50 });
    for (const outcome of [bad, bad, bad]) call(breaker, outcome);
    for (const outcome of [good, good, good]) equal(call(breaker, outcome, 11_000), undefined);
    equal(call(breaker, bad, 11_000), undefined);
  });

  it('opens when too many of the last calls were slow, and a slow trial is no success', () => {
    const slow: Outcome = { kind: 'success', ms: 500 };
    const breaker = judging({ slow: { ms: 500, percent: 75 } });
    for (const outcome of [slow, good, slow]) equal(call(breaker, outcome), undefined);
    equal(call(breaker, slow), 'opened');
    equal(breaker.why(), '3 of 4 calls in 10 s took 500 ms or longer');
    equal(call(breaker, slow, 1_000), 'opened');
    equal(breaker.why(), 'its trial took 500 ms, 500 ms or longer is slow');
    equal(call(breaker, bad, 3_000), 'opened');
    equal(breaker.why(), '1 connect refused');
    equal(call(breaker, good, 7_000), 'closed');
  });

  it('judges shares from the moment at which that is switched on', () => {
    const options: BreakerOptions = { ...defaultBreaker, failures: 1_000, minCalls: 4 };
    const breaker = new CircuitBreaker(options, () => 0.5);
    call(breaker, bad);
    Object.assign(options, { failurePercent: 50 }); // as a reload does
    for (const outcome of [good, bad, good]) equal(call(breaker, outcome), undefined);
    equal(call(breaker, bad), 'opened');
  });

  it('is spread up to its limit where it is reached, and not beyond', () => {
    const ends = [0, 0.5, 1].map((draw) => {
      const breaker = make(0.2, () => draw);
      for (let failure = 0; failure < 3; failure++) call(breaker, bad);
      for (let trial = 0; trial < 3; trial++) call(breaker, bad, breaker.reopenAt);
      const before = breaker.reopenAt;
      call(breaker, bad, before);
      return Math.round(breaker.reopenAt - before);
    });
    deepEqual(ends, [2_000, 2_500, 3_000]);
  });

  it('tells in words what it has seen', () => {
    equal(tripped().why(' in a row'), '3 connects refused in a row');
    const breaker = make();
    call(breaker, bad);
    equal(breaker.why(), '1 connect refused');
    call(breaker, reset);
    equal(breaker.why(), '2 failures, the last: connection reset');
    call(breaker, good);
    equal(breaker.why(), 'no failure');
  });

  it('never has two trials at one time and never stays open beyond its limit, whatever comes when', () => {
    const step = fc.record({ pause: fc.nat(1_500), what: fc.constantFrom('begin', 'good', 'bad', 'silent', 'connect') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
        const breaker = make(0.2, seeded(seed));
        const out: { epoch: number; trial: boolean }[] = [];
        let now = 0;
        for (const { pause, what } of steps) {
          now += pause;
          if (what === 'connect') breaker.mayTry(now);
          else if (what === 'begin') {
            const trial = breaker.state(now) === 'half_open' && breaker.allows(now);
            if (trial) ok(!out.some((other) => other.trial), 'a second trial');
            if (breaker.allows(now)) out.push({ epoch: breaker.begin(now), trial });
          } else {
            const ended = out.shift();
            if (ended) breaker.end(ended.epoch, { good, bad, silent }[what], now);
          }
          if (breaker.state(now) === 'open') ok(breaker.reopenAt - now < 3_000.001);
        }
      }),
    );
  });
});
