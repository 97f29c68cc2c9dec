import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { RetryBudget } from '../../lb/budget.js';

const spendAll = (budget: RetryBudget, now: number): number => {
  let spent = 0;
  while (budget.spend(now)) spent++;
  return spent;
};

describe('retry budget', () => {
  it('allows 30 and a fifth of the calls, all at once', () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 100; call++) budget.called(0);
    equal(spendAll(budget, 0), 50);
  });

  it('allows 30 to a caller that is quiet', () => {
    equal(spendAll(new RetryBudget(), 0), 30);
  });

  it('tells whether there is one left, and takes none by that', () => {
    const budget = new RetryBudget({ percent: 0, floor: 2, spanMs: 10_000 });
    ok(budget.has(0) && budget.has(0) && budget.has(0));
    equal(spendAll(budget, 0), 2);
    equal(budget.has(0), false);
    equal(budget.has(10_000), true);
  });

  it('fills again as what was spent grows old', () => {
    const budget = new RetryBudget();
    equal(spendAll(budget, 0), 30);
    equal(budget.spend(8_999), false);
    equal(spendAll(budget, 10_000), 30);
  });

  it('does not hoard: the calls of a busy hour are gone ten seconds later', () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 10_000; call++) budget.called(0);
    equal(spendAll(budget, 10_000), 30);
  });

  it('tells how many retries there were for every hundred calls', () => {
    const budget = new RetryBudget();
    equal(budget.usedPercent(0), 0);
    for (let call = 0; call < 50; call++) budget.called(0);
    budget.spend(0);
    budget.spend(0);
    equal(budget.usedPercent(0), 4);
  });

  it('takes back what was not sent', () => {
    const budget = new RetryBudget();
    equal(spendAll(budget, 0), 30);
    budget.giveBack(0);
    equal(spendAll(budget, 0), 1);
    budget.called(10_000);
    budget.giveBack(10_000);
    equal(budget.usedPercent(10_000), 0);
  });

  it('never lets the retries of a window exceed its share, whatever comes when', () => {
    const step = fc.tuple(fc.nat(3_000), fc.nat(20), fc.nat(40));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 100 }), (steps, percent) => {
        const budget = new RetryBudget({ percent, floor: 5, spanMs: 10_000 });
        const events: { at: number; calls: number; spent: number }[] = [];
        let now = 0;
        for (const [pause, calls, wishes] of steps) {
          now += pause;
          for (let call = 0; call < calls; call++) budget.called(now);
          let spent = 0;
          for (let wish = 0; wish < wishes; wish++) if (budget.spend(now)) spent++;
          events.push({ at: now, calls, spent });
          const recent = events.filter(({ at }) => at > now - 9_000).reduce((sum, one) => sum + one.spent, 0);
          const all = events.filter(({ at }) => at > now - 10_000).reduce((sum, one) => sum + one.calls, 0);
          // what was spent while older calls still counted may outlive them by as long as a window
          const before = events.filter(({ at }) => at > now - 20_000).reduce((sum, one) => sum + one.calls, 0);
          ok(spent === 0 || recent <= (all * percent) / 100 + 5 || recent <= (before * percent) / 100 + 5, `${recent} of ${all}`);
        }
      }),
    );
  });
});
