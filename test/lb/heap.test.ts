import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { Heap } from '../../lb/heap.js';

interface Item {
  key: number;
  readonly name: number;
  place: number;
}
const before = (a: Item, b: Item): boolean => a.key < b.key || (a.key === b.key && a.name < b.name);

describe('heap', () => {
  it('has the first of all on top, whatever is added, moved and taken out of its middle', () => {
    const step = fc.record({ what: fc.constantFrom('add', 'remove', 'move'), name: fc.nat(19), key: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new Heap<Item>(before);
        const items = Array.from({ length: 20 }, (_, name): Item => ({ key: 0, name, place: -1 }));
        const inside = new Set<Item>();
        for (const { what, name, key } of steps) {
          const item = items[name]!;
          if (what === 'remove') {
            heap.remove(item);
            inside.delete(item);
          } else {
            item.key = key;
            if (inside.has(item)) heap.moved(item);
            else heap.add(item);
            inside.add(item);
          }
          equal(heap.size, inside.size);
          equal(item.place === -1, !inside.has(item));
          equal(heap.first, [...inside].sort((a, b) => (before(a, b) ? -1 : 1))[0]);
        }
        const drained: Item[] = [];
        for (let first = heap.first; first; first = heap.first) {
          drained.push(first);
          heap.remove(first);
        }
        deepEqual(
          drained,
          [...inside].sort((a, b) => (before(a, b) ? -1 : 1)),
        );
      }),
    );
  });

  it('compares no more than twice a level when one of 5,000 moves', () => {
    let comparisons = 0;
    const heap = new Heap<Item>((a, b) => (comparisons++, before(a, b)));
    for (let name = 0; name < 5_000; name++) heap.add({ key: name % 7, name, place: -1 });
    for (let turn = 0; turn < 10_000; turn++) {
      comparisons = 0;
      const first = heap.first!;
      first.key += 1 + (turn % 5);
      heap.moved(first);
      ok(comparisons <= 2 * Math.ceil(Math.log2(5_000)) + 1, `${comparisons} comparisons`);
    }
  });
});
