import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Seat } from '../../lb/balancer.js';
import { Drawable } from '../../lb/drawable.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { fc } from '../support/fast-check.js';
import { seeded } from '../support/random.js';
import { endpoint, seat } from './seats.js';

/** Seats that count how often anybody looks at their weight, their calls or whether they may be asked. */
const counted = (count: number): { seats: Seat[]; looks: () => number } => {
  let looks = 0;
  const seats = Array.from({ length: count }, (_, index): Seat => {
    const plain = { active: index % 4, eligible: true, weight: 1 + (index % 3) };
    return {
      endpoint: endpoint(`e${index}`),
      get active() {
        return (looks++, plain.active);
      },
      set active(active) {
        plain.active = active;
      },
      get eligible() {
        return (looks++, plain.eligible);
      },
      set eligible(eligible) {
        plain.eligible = eligible;
      },
      get weight() {
        return (looks++, plain.weight);
      },
    };
  });
  return {
    seats,
    looks: () => {
      const before = looks;
      looks = 0;
      return before;
    },
  };
};

describe('drawing by weight', () => {
  it('finds on whose part of the whole a number falls, as a walk does, whoever has come, gone or been set aside', () => {
    const row = fc.record({ weight: fc.integer({ min: 0, max: 9 }), eligible: fc.boolean(), aside: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (rows, drawn) => {
          const seats = rows.map((_, index) => seat(`e${index}`, 5));
          const drawable = new Drawable();
          drawable.update(seats);
          rows.forEach(({ weight, eligible }, index) => {
            Object.assign(seats[index]!, { weight, eligible });
            drawable.changed(seats[index]!);
          });
          drawable.setAside(rows.flatMap(({ aside }, index) => (aside ? [`e${index}`] : [])));
          const parts = rows.map(({ weight, eligible, aside }) => (eligible && !aside ? weight : 0));
          const total = parts.reduce((sum, part) => sum + part, 0);
          equal(drawable.total, total);
          let left = drawn * total;
          const expected = total === 0 ? -1 : parts.findIndex((part) => (left -= part) < 0);
          equal(drawable.draw(drawn), expected);
          drawable.back();
          equal(
            drawable.total,
            rows.reduce((sum, { weight, eligible }) => sum + (eligible ? weight : 0), 0),
          );
        },
      ),
    );
  });

  it('gives a border to the one behind it', () => {
    const drawable = new Drawable();
    drawable.update(['a', 'b', 'c', 'd'].map((id) => seat(id)));
    deepEqual(
      [0, 0.25, 0.5, 0.75].map((drawn) => drawable.draw(drawn)),
      [0, 1, 2, 3],
    );
  });

  it('finds each as often as its weight says by single draws as well, whoever is out, and never the one that is not to be found', () => {
    const drawable = new Drawable();
    const seats = [5, 1, 0, 3, 1].map((weight, index) => seat(`e${index}`, weight));
    drawable.update(seats);
    const random = seeded(5);
    const rates = (but?: number): number[] => {
      const counts = seats.map(() => 0);
      for (let turn = 0; turn < 20_000; turn++) counts[drawable.any(random, but)]!++;
      return counts.map((count) => Math.round(count / 200) / 100);
    };
    const near = (found: readonly number[], due: readonly number[]): void =>
      found.forEach((rate, place) => ok(Math.abs(rate - due[place]!) <= 0.02, `${found.join()} where ${due.join()} is due`));
    near(rates(), [0.5, 0.1, 0, 0.3, 0.1]);
    near(rates(0), [0, 0.2, 0, 0.6, 0.2]);
    seats[0]!.eligible = false; // the heaviest of all, which the others are measured by
    drawable.changed(seats[0]!);
    near(rates(), [0, 0.2, 0, 0.6, 0.2]);
    near(rates(3), [0, 0.5, 0, 0, 0.5]);
  });

  it('finds the only one there is among thousands, and nobody where it is not to be found', () => {
    const drawable = new Drawable();
    const seats = Array.from({ length: 5_000 }, (_, index) => seat(`e${index}`, index === 4_711 ? 1 : 0));
    drawable.update(seats);
    const random = seeded(6);
    for (let turn = 0; turn < 100; turn++) deepEqual([drawable.any(random), drawable.any(random, 4_711)], [4_711, -1]);
  });

  it('never finds one without weight, be the others a millionth or a million', () => {
    const weights = [0, 1e-300, 0, 1e6, 1e-9, 0];
    const drawable = new Drawable();
    drawable.update(weights.map((weight, index) => seat(`e${index}`, weight)));
    for (const drawn of [0, 0.5, 1 - 2 ** -53]) ok(weights[drawable.draw(drawn)]! > 0);
  });

  for (const name of Object.keys(policies) as PolicyName[]) {
    it(`looks at as few seats of 5,000 as of 50, under ${name}, also when one has changed`, () => {
      const cost = (count: number): number => {
        const { seats, looks } = counted(count);
        const balancer = policies[name](seeded(1), { later: () => undefined, maglevSize: 251 });
        balancer.update(seats);
        for (let call = 0; call < count; call++) balancer.pick({ tried: [], key: call }, call);
        looks();
        for (let call = 0; call < 100; call++) {
          const one = seats[call % count]!;
          one.eligible = call % 2 === 0;
          balancer.changed(one);
          balancer.pick({ tried: [], key: call }, call);
          balancer.seen?.(one, { kind: 'success', ms: 1 }, call);
        }
        return looks() / 100;
      };
      const [few, many] = [cost(50), cost(5_000)];
      ok(many <= few + 2 && many < 20, `${few} looks a call at 50, ${many} at 5,000`);
    });
  }
});
