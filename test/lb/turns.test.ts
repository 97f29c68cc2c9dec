import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import { Turns, type Waiting } from '../../lb/turns.js';

interface Item extends Waiting<Item> {
  key: number;
  readonly name: number;
}
const item = (name: number, key = 0): Item => ({ key, name, place: -1, ahead: undefined, behind: undefined });
const before = (a: Item, b: Item): boolean => a.key < b.key || (a.key === b.key && a.name < b.name);

describe('turns', () => {
  it('have the first of all in front, whatever is added, moved and taken out of the middle', () => {
    const step = fc.record({ what: fc.constantFrom('add', 'remove', 'take'), name: fc.nat(19), key: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const turns = new Turns<Item>(before);
        const items = Array.from({ length: 20 }, (_, name) => item(name));
        const inside = new Set<Item>();
        const expected = (): Item | undefined => [...inside].sort((a, b) => (before(a, b) ? -1 : 1))[0];
        for (const { what, name, key } of steps) {
          const one = what === 'take' ? turns.first : items[name]!;
          if (one === undefined) continue;
          if (what === 'remove') {
            if (inside.delete(one)) turns.remove(one);
          } else {
            one.key = what === 'take' ? one.key + 5 : key;
            if (inside.has(one)) turns.moved(one);
            else turns.add(one);
            inside.add(one);
          }
          equal(turns.size, inside.size);
          equal(turns.first, expected());
        }
        for (let first = turns.first; first; first = turns.first) {
          equal(first, expected());
          turns.remove(first);
          inside.delete(first);
        }
        equal(inside.size, 0);
      }),
    );
  });

  it('cost three comparisons a turn for 5,000 once the first round is over, in whatever order they came', () => {
    let comparisons = 0;
    const turns = new Turns<Item>((a, b) => (comparisons++, before(a, b)));
    for (let index = 0; index < 5_000; index++) turns.add(item((index * 7) % 5_000));
    const take = (): void => {
      const first = turns.first!;
      first.key++;
      turns.moved(first);
    };
    for (let turn = 0; turn < 5_000; turn++) take();
    for (let turn = 0; turn < 10_000; turn++) {
      comparisons = 0;
      take();
      ok(comparisons <= 3, `${comparisons} comparisons`);
    }
  });
});
