import { deepEqual, equal } from 'node:assert/strict';
import { it } from 'node:test';
import { Queue, type Waiting } from '../../../lb/fast/queue.js';
import { fc } from '../../support/fast-check.js';

class One implements Waiting {
  before: this | undefined;
  behind: this | undefined;
}

it('a queue has those who wait in the order in which they came, whoever leaves, as a Set has', () => {
  const isSet = fc.property(fc.array(fc.nat(5), { maxLength: 60 }), (steps) => {
    const all = Array.from({ length: 6 }, () => new One());
    const queue = new Queue<One>();
    const set = new Set<One>();
    for (const step of steps) {
      const one = all[step]!;
      if (set.delete(one)) queue.remove(one);
      else {
        queue.remove(one); // who is in no queue
        queue.add(one);
        set.add(one);
      }
      equal(queue.first, [...set][0]);
      const found: One[] = [];
      for (let next = queue.first; next !== undefined; next = next.behind) found.push(next);
      deepEqual(
        found.map((each) => all.indexOf(each)),
        [...set].map((each) => all.indexOf(each)),
      );
    }
  });
  fc.assert(isSet);
});
