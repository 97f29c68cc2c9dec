import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryBudget } from '../../lb/budget.js';
import { HedgeDecider, isSafe } from '../../lb/hedge.js';
import { fc } from '../support/fast-check.js';

const decider = (): HedgeDecider => new HedgeDecider(new RetryBudget({ percent: 20, floor: 30, spanMs: 10_000 }));

describe('hedging', () => {
  it('knows the methods that are safe', () => {
    const all = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'PATCH', 'get'];
    deepEqual(all.filter(isSafe), ['GET', 'HEAD', 'OPTIONS']);
  });

  it('waits as long as it is told, or not at all', () => {
    deepEqual([decider().delayMs(200, 0), decider().delayMs(undefined, 0)], [200, undefined]);
  });

  it('takes each second send from the budget, and leaves half of it to calls that failed', () => {
    const budget = new RetryBudget({ percent: 0, floor: 4, spanMs: 10_000 });
    const hedge = new HedgeDecider(budget);
    deepEqual([hedge.maySend(0), hedge.maySend(0), hedge.maySend(0)], [true, true, false]);
    deepEqual([hedge.has(0), budget.spend(0), budget.spend(0), budget.spend(0)], [false, true, true, false]);
    deepEqual([hedge.has(20_000), hedge.maySend(20_000)], [true, true]);
  });

  it('has no percentile of fewer than 20 answers', () => {
    const hedge = decider();
    for (let n = 0; n < 19; n++) hedge.seen(10, 0);
    equal(hedge.delayMs('p95', 0), undefined);
    hedge.seen(10, 0);
    ok(hedge.delayMs('p95', 0)! >= 10);
  });

  it('finds the 95th percentile to a fifth, or to a millisecond, whatever the times are', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 20, maxLength: 400 }), (times) => {
        const hedge = decider();
        for (const ms of times) hedge.seen(ms, 5);
        const exact = times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.95) - 1]!;
        const found = hedge.delayMs('p95', 5)!;
        ok(found >= Math.floor(exact) && found <= Math.max(exact, 1) * 1.2 + 1, `${found} for ${exact}`);
      }),
    );
  });

  it('reckons the percentile anew when a twentieth of the answers is new, and when they have aged', () => {
    const hedge = new HedgeDecider(new RetryBudget());
    for (let answer = 0; answer < 1_000; answer++) hedge.seen(10, 0);
    const usual = hedge.delayMs('p95', 0)!;
    for (let answer = 0; answer < 50; answer++) hedge.seen(500, 0);
    equal(hedge.delayMs('p95', 0), usual); // 50 of 1,050
    for (let answer = 0; answer < 3; answer++) hedge.seen(500, 0);
    ok(hedge.delayMs('p95', 0)! >= 500);
    for (let answer = 0; answer < 40; answer++) hedge.seen(10, 10_000);
    ok(hedge.delayMs('p95', 10_000)! < 500);
  });

  it('forgets: what was counted weighs half as much every ten seconds', () => {
    const hedge = decider();
    for (let n = 0; n < 1_000; n++) hedge.seen(1_000, 0);
    for (let n = 0; n < 1_000; n++) hedge.seen(10, 100_000);
    ok(hedge.delayMs('p95', 100_000)! < 20);
    equal(hedge.delayMs('p95', 1_000_000), undefined);
  });
});
