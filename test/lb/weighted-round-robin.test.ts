import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import type { Seat } from '../../lb/balancer.js';
import { Heap, type Placed } from '../../lb/heap.js';
import { WeightedRoundRobin } from '../../lb/weighted-round-robin.js';
import { seeded } from '../support/random.js';
import { endpoint, picks, seat, tally } from './seats.js';

const balancing = (seats: readonly Seat[], random = (): number => 0): WeightedRoundRobin => {
  const balancer = new WeightedRoundRobin(random);
  balancer.update(seats);
  return balancer;
};

/** What nginx does, seat by seat, with the rules for those who come and go. Walks everybody at every pick. */
class Plain {
  #rows: { seat: Seat; weight: number; credit: number }[] = [];
  #widest = 0;

  update(seats: readonly Seat[]): void {
    const before = this.#rows;
    const first = !before.some((row) => seats.includes(row.seat));
    this.#rows = seats.map(
      (seat) => before.find((row) => row.seat === seat) ?? { seat, weight: 0, credit: first ? 0 : -seat.weight / 2 },
    );
    for (const seat of seats) this.#reweigh(seat);
    this.#bound();
  }

  changed(seat: Seat): void {
    this.#reweigh(seat);
    this.#bound();
  }

  #reweigh(seat: Seat): void {
    const row = this.#rows.find((other) => other.seat === seat);
    const weight = seat.eligible ? seat.weight : 0;
    if (!row || row.weight === weight) return;
    row.weight = weight;
    const round = this.#round();
    if (weight > 0) row.credit = Math.max(-round, Math.min(round, row.credit));
    if (weight > 0) this.#widest = Math.max(this.#widest, round);
  }

  #bound(): void {
    const round = this.#round();
    if (round * 2 >= this.#widest) return;
    this.#widest = round;
    for (const other of this.#rows) if (other.weight > 0) other.credit = Math.max(-round, Math.min(round, other.credit));
  }

  pick(tried: readonly string[]): Seat | undefined {
    const rows = this.#rows.filter(({ seat, weight }) => weight > 0 && !tried.includes(seat.endpoint.id));
    const all = rows.reduce((sum, { weight }) => sum + weight, 0);
    for (const row of rows) row.credit += row.weight;
    const [best] = rows.sort((a, b) => b.credit - a.credit || (a.seat.endpoint.id < b.seat.endpoint.id ? -1 : 1));
    if (best) best.credit -= all;
    return best?.seat;
  }

  #round(): number {
    return this.#rows.reduce((sum, { weight }) => sum + weight, 0);
  }
}

describe('weighted round robin', () => {
  it('spreads a heavy endpoint between the light ones', () => {
    equal(picks(balancing([seat('a', 5), seat('b', 1), seat('c', 1)]), 14).join(' '), 'a a b a c a a a a b a c a a');
  });

  it('gives exactly 500, 100 and 100 in 700 calls, wherever a caller begins', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const balancer = balancing([seat('a', 5), seat('b', 1), seat('c', 1)], seeded(seed));
      deepEqual(tally(picks(balancer, 700)), { a: 500, b: 100, c: 100 }, `seed ${seed}`);
    }
  });

  it('gives exactly 500, 100 and 100 when the three have come one after the other', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const seats = [seat('a', 5), seat('b', 1), seat('c', 1)];
      const balancer = balancing(seats.slice(0, 1), seeded(seed));
      picks(balancer, seed);
      balancer.update(seats.slice(0, 2));
      picks(balancer, seed);
      balancer.update(seats);
      deepEqual(tally(picks(balancer, 700)), { a: 500, b: 100, c: 100 }, `seed ${seed}`);
    }
  });

  it('lets callers that start together begin with different endpoints', () => {
    const first = new Set<string>();
    for (let seed = 1; seed <= 400; seed++) {
      const seats = Array.from({ length: 20 }, (_, index) => seat(`e${index}`, 3));
      first.add(picks(balancing(seats, seeded(seed)), 1)[0]!);
    }
    equal(first.size, 20);
  });

  it('lets a newcomer wait a part of its first turn, and moves nobody else', () => {
    const seats = ['a', 'b', 'c'].map((id) => seat(id));
    const draws = [0, 0.9]; // no head start; aa begins 0.9 of its weight below nothing
    const balancer = balancing(seats, () => draws.shift()!);
    equal(picks(balancer, 1)[0], 'a');
    balancer.update([...seats, seat('aa')]);
    equal(picks(balancer, 4).join(' '), 'b c aa a');
  });

  it('keeps the credit of one that is away, for its return', () => {
    const seats = [seat('a', 1), seat('b', 1), seat('c', 1)];
    const balancer = balancing(seats);
    equal(picks(balancer, 1)[0], 'a'); // a owes 2 now, b and c have 1
    seats[1]!.eligible = false;
    balancer.changed(seats[1]!);
    equal(picks(balancer, 2).join(' '), 'c c');
    seats[1]!.eligible = true;
    balancer.changed(seats[1]!);
    equal(picks(balancer, 1)[0], 'b');
  });

  it('passes over a tried one, which then comes at its own next turn', () => {
    const balancer = balancing([seat('a'), seat('b'), seat('c')]);
    equal(balancer.pick({ tried: ['a'] })?.endpoint.id, 'b');
    equal(picks(balancer, 3).join(' '), 'c a b');
  });

  it('picks nobody when all were tried, are out, or weigh nothing', () => {
    const seats = [seat('a'), seat('b'), seat('c', 0)];
    const balancer = balancing(seats);
    equal(balancer.pick({ tried: ['a', 'b'] }), undefined);
    for (const one of seats) one.eligible = false;
    for (const one of seats) balancer.changed(one);
    equal(balancer.pick({ tried: [] }), undefined);
    equal(balancing([]).pick({ tried: [] }), undefined);
  });

  it('lets everybody take turns whatever they weigh, when it is to be even', () => {
    const balancer = new WeightedRoundRobin(() => 0, { evenly: true });
    balancer.update([seat('a', 5), seat('b', 0), seat('c', 1)]);
    equal(picks(balancer, 4).join(' '), 'a c a c');
  });

  it('picks as nginx would, through joins, leaves, tried ones and changes of weight and eligibility', () => {
    const id = fc.nat(9);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ what: fc.constant('pick' as const), tried: fc.array(id, { maxLength: 3 }) }) },
      fc.record({ what: fc.constant('list' as const), ids: fc.uniqueArray(id) }),
      fc.record({ what: fc.constant('eligible' as const), id, to: fc.boolean() }),
      fc.record({ what: fc.constant('weight' as const), id, to: fc.nat(7) }),
    );
    fc.assert(
      fc.property(fc.array(fc.nat(7), { minLength: 10, maxLength: 10 }), fc.array(step, { maxLength: 300 }), (weights, steps) => {
        const seats = weights.map((weight, index) => seat(`e${index}`, weight));
        let draw = 0;
        const balancer = balancing(seats, () => draw);
        const plain = new Plain();
        plain.update(seats);
        let listed = seats;
        for (const step of steps) {
          if (step.what === 'pick') {
            const tried = step.tried.map((index) => `e${index}`);
            equal(balancer.pick({ tried })?.endpoint.id, plain.pick(tried)?.endpoint.id);
          } else if (step.what === 'list') {
            const list = step.ids.map((index) => seats[index]!);
            draw = list.some((seat) => listed.includes(seat)) ? 0.5 : 0;
            balancer.update(list);
            plain.update(list);
            listed = list;
          } else {
            if (step.what === 'eligible') seats[step.id]!.eligible = step.to;
            else seats[step.id]!.weight = step.to;
            balancer.changed(seats[step.id]!);
            plain.changed(seats[step.id]!);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives each its exact share of a whole round, whatever whole numbers they weigh', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), fc.integer(), (weights, seed) => {
        const balancer = balancing(
          weights.map((weight, index) => seat(`e${index}`, weight)),
          seeded(seed),
        );
        const round = weights.reduce((sum, weight) => sum + weight, 0);
        deepEqual(tally(picks(balancer, round)), Object.fromEntries(weights.map((weight, index) => [`e${index}`, weight])));
      }),
    );
  });

  it('holds shares that are no whole numbers', () => {
    const counts = tally(picks(balancing([seat('a', 0.1), seat('b', 0.7), seat('c', 0.25)]), 10_500));
    ok(Math.abs(counts['a']! - 1_000) <= 2 && Math.abs(counts['b']! - 7_000) <= 2, JSON.stringify(counts));
  });

  it('stays exact past the turn at which the accounts are settled', () => {
    const balancer = balancing([seat('a', 5), seat('b', 1), seat('c', 1)]);
    const around = 2 ** 20 - 10;
    for (let turn = 0; turn < around; turn++) balancer.pick({ tried: [] });
    deepEqual(tally(picks(balancer, 70)), { a: 50, b: 10, c: 10 });
  });

  it('lets nobody starve after a great fleet has shrunk to a few', () => {
    const seats = Array.from({ length: 1_000 }, (_, index) => seat(`e${String(index).padStart(4, '0')}`));
    const balancer = balancing(seats);
    picks(balancer, 500); // the first 500 owe nearly a whole round each
    balancer.update([seats[0]!, seats[999]!]);
    notEqual(picks(balancer, 8).indexOf('e0000'), -1);
  });

  it('lets nobody starve who was away while the fleet has shrunk', () => {
    const seats = Array.from({ length: 1_000 }, (_, index) => seat(`e${String(index).padStart(4, '0')}`));
    const balancer = balancing(seats);
    equal(picks(balancer, 1)[0], 'e0000'); // it owes 999 now
    seats[0]!.eligible = false;
    balancer.changed(seats[0]!);
    balancer.update([seats[0]!, seats[999]!]);
    seats[0]!.eligible = true;
    balancer.changed(seats[0]!);
    notEqual(picks(balancer, 8).indexOf('e0000'), -1);
  });

  for (const [what, weightOf] of [
    ['three weights', (index: number) => 1 + (index % 3)],
    ['as many weights', (index: number) => 1 + index / 10],
  ] as const) {
    it(`looks at a few of 5,000 with ${what} for a pick, not at all of them`, (test) => {
      let looks = 0;
      const first = Object.getOwnPropertyDescriptor(Heap.prototype, 'first')!;
      test.after(() => Object.defineProperty(Heap.prototype, 'first', first));
      Object.defineProperty(Heap.prototype, 'first', {
        configurable: true,
        get(this: Heap<Placed>) {
          looks++;
          return first.get!.call(this) as unknown;
        },
      });
      const watched = (index: number): Seat => {
        const plain = seat(`e${index}`, weightOf(index));
        const look = <T>(at: T): T => (looks++, at);
        return Object.defineProperties(plain, {
          endpoint: { get: () => look(endpoint(`e${index}`)) },
          eligible: { get: () => look(true) },
        });
      };
      const balancer = balancing(Array.from({ length: 5_000 }, (_, index) => watched(index)));
      let most = 0;
      for (let turn = 0; turn < 20_000; turn++) {
        looks = 0;
        balancer.pick({ tried: [] });
        most = Math.max(most, looks);
      }
      // the first of each group, and two ids for each tie: two at each level of a heap, one for each group
      ok(most <= 4 * Math.ceil(Math.log2(5_000)) + 3 * 270, `${most} looks`);
    });
  }

  it('holds the shares of very many weights to a few percent', () => {
    const seats = Array.from({ length: 100 }, (_, index) => seat(`e${index}`, 1_000 + index));
    const total = seats.reduce((sum, { weight }) => sum + weight, 0);
    const counts = tally(picks(balancing(seats), total));
    for (const { endpoint, weight } of seats) ok(Math.abs(counts[endpoint.id]! / weight - 1) < 0.06, endpoint.id);
  });
});
