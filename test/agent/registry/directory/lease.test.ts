import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Leases } from '../../../../agent/registry/directory/lease.js';

const lease = (mark: string, behindMs = 0, id = 'one') => ({ id, mark, behindMs, timeoutMs: 9_000 });

describe('the lease of another session', () => {
  it('is dead when it was seen unchanged for more than its timeout', () => {
    const leases = new Leases();
    deepEqual(leases.look([lease('a')], 1_000), []);
    deepEqual(leases.look([lease('a')], 10_000), []);
    deepEqual(leases.look([lease('a')], 10_001), [lease('a')]);
  });

  it('lives on with each renewal', () => {
    const leases = new Leases();
    for (let now = 0; now < 60_000; now += 3_000) deepEqual(leases.look([lease(`${now}`)], now), []);
  });

  it('is given half of its timeout at first sight, however old it is', () => {
    const leases = new Leases();
    deepEqual(leases.look([lease('a', 3_600_000)], 0), []);
    deepEqual(leases.look([lease('a', 3_600_000)], 4_500), []);
    equal(leases.look([lease('a', 3_600_000)], 4_501).length, 1);
  });

  it('is given the rest of its timeout at first sight when it is a little old, and no more than all when it is ahead', () => {
    for (const [behindMs, left] of [
      [2_000, 7_000],
      [-50_000, 9_000],
    ] as const) {
      // prettier-ignore
      const leases = new Leases();
      leases.look([lease('a', behindMs)], 0);
      equal(leases.look([lease('a', behindMs)], left).length, 0);
      equal(leases.look([lease('a', behindMs)], left + 1).length, 1);
    }
  });

  it('has all its time again after it was renewed once', () => {
    const leases = new Leases();
    leases.look([lease('a', 3_600_000)], 0);
    leases.look([lease('b', 3_600_000)], 4_000); // the wall clock was moved: as old as before, and yet renewed
    equal(leases.look([lease('b', 3_600_000)], 13_000).length, 0);
    equal(leases.look([lease('b', 3_600_000)], 13_001).length, 1);
  });

  it('is forgotten when it is gone', () => {
    const leases = new Leases();
    leases.look([lease('a')], 0);
    leases.look([], 5_000);
    deepEqual(leases.look([lease('a')], 10_000), []);
  });

  it('is never dead while it is renewed in each third of its timeout, whatever the wall clock and the looks do', () => {
    const steps = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 3_000 }), behindMs: fc.integer({ min: -1e9, max: 1e9 }) }));
    fc.assert(
      fc.property(steps, (looks) => {
        const leases = new Leases();
        let now = 0;
        for (const { ms, behindMs } of looks) {
          now += ms;
          deepEqual(leases.look([lease(`${Math.floor(now / 3_000)}`, behindMs)], now), []);
        }
      }),
    );
  });
});
