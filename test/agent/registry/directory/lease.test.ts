import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../support/fast-check.js';
import { Leases } from '../../../../agent/registry/directory/lease.js';

const lease = (mark: string, behindMs = 0, id = 'one') => ({ id, mark, behindMs, timeoutMs: 9_000 });

/** Looks once a second, from 0 on, and tells at which second the lease was found dead, if it was. */
const diesAt = (
  each: (second: number) => ReturnType<typeof lease>,
  until = 60,
  skip: (second: number) => boolean = () => false,
) => {
  const leases = new Leases(1_000);
  for (let second = 0; second <= until; second++) {
    if (!skip(second) && leases.look([each(second)], second * 1_000).length > 0) return second;
  }
  return undefined;
};

describe('the lease of another session', () => {
  it('is dead when it was seen unchanged for more than its timeout', () => {
    equal(
      diesAt(() => lease('a')),
      10,
    );
  });

  it('lives on with each renewal', () => {
    equal(
      diesAt((second) => lease(`${Math.floor(second / 3)}`)),
      undefined,
    );
  });

  it('is given half of its timeout at first sight, however old it is', () => {
    equal(
      diesAt(() => lease('a', 3_600_000)),
      5,
    );
  });

  it('is given the rest of its timeout at first sight when it is a little old, and no more than all when it is ahead', () => {
    equal(
      diesAt(() => lease('a', 2_000)),
      8,
    );
    equal(
      diesAt(() => lease('a', -50_000)),
      10,
    );
  });

  it('has all its time again after it was renewed once, though the wall clock was moved', () => {
    equal(
      diesAt((second) => lease(second < 4 ? 'a' : 'b', 3_600_000)),
      14,
    );
  });

  it('is forgotten when it is gone', () => {
    const leases = new Leases(5_000);
    leases.look([lease('a')], 0);
    leases.look([], 5_000);
    deepEqual(leases.look([lease('a')], 10_000), []);
  });

  it('has all its time again after nobody could look: the folder was away, or this process was frozen', () => {
    for (const awayFor of [4, 8, 20, 40]) {
      const back = 3 + awayFor;
      equal(
        diesAt(
          () => lease('a'),
          80,
          (second) => second > 2 && second < back,
        ),
        back + 10,
        `away for ${awayFor} s`,
      );
    }
  });

  it('has all its time again after a single look that failed', () => {
    const leases = new Leases(1_000);
    const dies = Array.from({ length: 30 }, (_, second) => second).find((second) => {
      if (second !== 4) return leases.look([lease('a')], second * 1_000).length > 0;
      leases.missed();
      return false;
    });
    equal(dies, 15);
  });

  it('has no more time for a look that comes a little late', () => {
    equal(
      diesAt(
        () => lease('a'),
        60,
        (second) => second % 3 !== 0,
      ),
      12,
    );
  });

  it('is judged by looks that are rarer than its timeout, and at once when it has no time left', () => {
    const leases = new Leases(1_000);
    const brief = { ...lease('a'), timeoutMs: 300 };
    const gone = { ...lease('gone', 0, 'two'), timeoutMs: 0 };
    deepEqual(leases.look([brief, gone], 0), []);
    deepEqual(leases.look([brief, gone], 1_100), [brief, gone]);
  });

  it('is never dead while it is renewed in each third of its timeout, whatever the wall clock and the looks do', () => {
    const steps = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 60_000 }), behindMs: fc.integer({ min: -1e9, max: 1e9 }) }));
    fc.assert(
      fc.property(steps, (looks) => {
        const leases = new Leases(1_000);
        let now = 0;
        for (const { ms, behindMs } of looks) {
          now += ms;
          deepEqual(leases.look([lease(`${Math.floor(now / 3_000)}`, behindMs)], now), []);
        }
      }),
    );
  });

  it('is never dead while only its own time away keeps it from being renewed', () => {
    const scenes = fc.array(fc.record({ calm: fc.integer({ min: 0, max: 20 }), away: fc.integer({ min: 0, max: 60 }) }));
    fc.assert(
      fc.property(scenes, (parts) => {
        const leases = new Leases(1_000);
        let [now, renewals, renewedAt] = [0, 0, 0];
        for (const { calm, away } of parts) {
          for (let second = 0; second < calm; second++) {
            now += 1_000;
            deepEqual(leases.look([lease(`${renewals}`)], now), []);
            if (now - renewedAt >= 3_000) [renewals, renewedAt] = [renewals + 1, now];
          }
          now += away * 1_000; // neither we nor the owner can reach the folder
        }
      }),
    );
  });
});
