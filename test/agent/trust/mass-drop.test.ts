import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MassDrop } from '../../../agent/trust/mass-drop.js';
import { difference } from '../../../lb/difference.js';
import type { Endpoint } from '../../../lb/endpoint.js';
import { fc } from '../../support/fast-check.js';

const endpoint = (id: string, port = 8080): Endpoint => ({ id, host: `10.0.0.${id.slice(1)}`, port, weight: 1, meta: {} });
const fleet = (...numbers: readonly number[]): Endpoint[] => numbers.map((number) => endpoint(`e${number}`));
const nobody = new Set<string>();
const ids = (brake: MassDrop): string[] => brake.kept.map(({ id }) => id);

describe('the brake on a mass drop', () => {
  for (const [before, after, holds] of [
    [[1, 2, 3, 4], [1], true],
    [[1, 2, 3, 4, 5], [1, 2], true],
    [[1, 2, 3], [], true],
    [[1, 2, 3, 4, 5, 6], [1, 2, 3], false],
    [[1, 2, 3], [1], false],
    [[1, 2], [], false],
    [[1, 2, 3, 4], [5, 6, 7, 8], false],
  ] as const)
    it(`${holds ? 'holds' : 'lets go'} when of ${before.length} there are ${after.length} left or new`, () => {
      const brake = new MassDrop();
      brake.heard(fleet(...before), nobody, 0);
      const braked = brake.heard(fleet(...after), nobody, 1_000);
      equal(braked !== undefined, holds);
      equal(brake.kept.length, holds ? before.length - after.length : 0);
    });

  it('counts those who vanish one after the other within 10 s, and brings back those who went before it took hold', () => {
    const brake = new MassDrop();
    brake.heard(fleet(1, 2, 3, 4), nobody, 0);
    equal(brake.heard(fleet(1, 2, 3), nobody, 1_000), undefined);
    equal(brake.heard(fleet(1, 2), nobody, 9_000), undefined);
    deepEqual(brake.heard(fleet(1), nobody, 10_500), { vanished: 3, left: 1 });
    deepEqual(ids(brake), ['e4', 'e3', 'e2']);
    equal(brake.heard([], nobody, 30_000), undefined, 'it holds already');
    deepEqual(ids(brake), ['e4', 'e3', 'e2', 'e1']);
  });

  it('forgets who vanished longer ago than 10 s', () => {
    const brake = new MassDrop();
    brake.heard(fleet(1, 2, 3, 4), nobody, 0);
    brake.heard(fleet(1, 2, 3), nobody, 1_000);
    equal(brake.heard(fleet(1), nobody, 11_001), undefined);
  });

  it('does not keep who is back, be it in the same millisecond', () => {
    const brake = new MassDrop();
    brake.heard(fleet(1, 2, 3, 4), nobody, 0);
    for (const listed of [fleet(1, 2, 3), fleet(1, 2, 3, 4)]) brake.heard(listed, nobody, 1_000);
    deepEqual(brake.heard(fleet(4), nobody, 1_000), { vanished: 3, left: 1 });
    deepEqual(ids(brake), ['e1', 'e2', 'e3']);
  });

  it('does not wonder at who left with a mark, or is at another address, or has another id at his address', () => {
    const brake = new MassDrop();
    brake.heard(fleet(1, 2, 3, 4), nobody, 0);
    equal(brake.heard(fleet(1), new Set(['e2', 'e3', 'e4']), 1), undefined);
    const moved = new MassDrop();
    moved.heard(fleet(1, 2, 3), nobody, 0);
    equal(moved.heard([endpoint('e1', 9), endpoint('e2', 9), endpoint('e3', 9)], nobody, 1), undefined);
    const renamed = new MassDrop();
    renamed.heard(fleet(1, 2, 3), nobody, 0);
    equal(
      renamed.heard(
        fleet(1, 2, 3).map((one) => ({ ...one, id: `${one.id}x` })),
        nobody,
        1,
      ),
      undefined,
    );
  });

  it('is the same whether it is told the whole list, or what of it has changed', () => {
    const list = fc.uniqueArray(fc.record({ id: fc.nat(5), at: fc.nat(5) }), { selector: ({ at }) => at, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(list, fc.nat(6_000)), { maxLength: 12 }), (steps) => {
        const [byWhole, byChange] = [new MassDrop(), new MassDrop()];
        let before: readonly Endpoint[] = [];
        let now = 0;
        for (const [drawn, ms] of steps) {
          const there = new Set<number>();
          const endpoints = drawn
            .filter(({ id }) => there.size < there.add(id).size)
            .map(({ id, at }) => {
              const same = before.find((one) => one.id === `e${id}` && one.port === at);
              return same ?? endpoint(`e${id}`, at);
            });
          now += ms;
          const { gone, joined } = difference(before, endpoints);
          deepEqual(byChange.changed(gone, joined, nobody, now), byWhole.heard(endpoints, nobody, now));
          deepEqual(ids(byChange).sort(), ids(byWhole).sort());
          before = endpoints;
        }
      }),
    );
  });

  it('lets a kept one go when he is listed again, when he is told to be gone, and after 60 s', () => {
    const brake = new MassDrop();
    brake.heard(fleet(1, 2, 3, 4), nobody, 0);
    brake.heard([], nobody, 1_000);
    brake.heard(fleet(1), nobody, 2_000);
    deepEqual(ids(brake), ['e2', 'e3', 'e4']);
    deepEqual([brake.letGo('10.0.0.2:8080'), brake.letGo('10.0.0.2:8080')], [true, false]);
    equal(brake.dueAt, 61_000);
    brake.hold('10.0.0.4:8080');
    deepEqual(
      brake.expire(61_000).map(({ id }) => id),
      ['e3'],
    );
    deepEqual([ids(brake), brake.dueAt], [['e4'], undefined]);
  });
});
