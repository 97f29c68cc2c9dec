/** Ring hash and Maglev, each against what was published of it, and the balancer around them. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Seat } from '../../lb/balancer.js';
import { HashBalancer, type HashParts } from '../../lb/hash-balancer.js';
import { entryOf, type HashTable, type MakeTable } from '../../lb/hash-table.js';
import { mix } from '../../lb/hashing.js';
import { maglev } from '../../lb/maglev.js';
import { ring } from '../../lb/ring.js';
import { seeded } from '../support/random.js';
import { seat, tally } from './seats.js';

const many = (count: number, weight: (index: number) => number = () => 1): Seat[] =>
  Array.from({ length: count }, (_, index) => seat(`instance-${index}`, weight(index)));

/** The table, and how often its making let others go on. */
const made = (make: MakeTable, seats: readonly Seat[]): { table: HashTable; yields: number } => {
  const making = make(seats.map(entryOf));
  for (let yields = 0; ; yields++) {
    const { done, value } = making.next();
    if (done) return { table: value, yields };
  }
};
const keys = Array.from({ length: 20_000 }, (_, index) => mix(index + 1));
const idOf = (table: HashTable, key: number): string => table.seats[table.ownerOf(key, 0)]!.endpoint.id;
const idsOf = (table: HashTable): string[] => keys.map((key) => idOf(table, key));
/** As many keys as it has slots are one for each. */
const slotsOf = (table: HashTable, size: number): Record<string, number> =>
  tally(Array.from({ length: size }, (_, slot) => idOf(table, slot)));
/** Maglev with a table of this size. */
const sized =
  (size: number): MakeTable =>
  (entries) =>
    maglev(entries, size);
const movedBetween = (before: readonly string[], after: readonly string[], but: string): number =>
  before.filter((id, place) => id !== after[place] && id !== but && after[place] !== but).length;

describe('maglev', () => {
  it('shares its slots evenly to one slot, where the paper promises 1 % at a hundred slots for each', () => {
    const counts = Object.values(slotsOf(made(maglev, many(500)).table, 65_537));
    equal(counts.length, 500);
    ok(Math.max(...counts) - Math.min(...counts) <= 1, `${Math.min(...counts)} to ${Math.max(...counts)}`);
  });

  it('shares them by weight to one slot', () => {
    const seats = [seat('a', 5), seat('b', 1), seat('c', 0.5)];
    const counts = slotsOf(made(sized(1_009), seats).table, 1_009);
    for (const { endpoint, weight } of seats)
      ok(Math.abs(counts[endpoint.id]! - (1_009 * weight) / 6.5) <= 1, `${endpoint.id} ${counts[endpoint.id]}`);
  });

  it('is the same in whichever order the list comes', () => {
    const seats = many(50, (index) => 1 + (index % 3));
    deepEqual(idsOf(made(sized(1_009), [...seats].reverse()).table), idsOf(made(sized(1_009), seats).table));
  });

  it('moves, when one of a hundred leaves, its share and few of the others', () => {
    const seats = many(100);
    const make = sized(10_007);
    const moved = movedBetween(idsOf(made(make, seats).table), idsOf(made(make, seats.slice(1)).table), 'instance-0');
    ok(moved < keys.length * 0.03, `${moved} of ${keys.length} moved between those that stayed`);
  });

  it('is made in slices, whatever the weights', () => {
    for (const weight of [() => 1, (index: number) => (index === 0 ? 1_000_000 : 1)]) {
      const { yields } = made(maglev, many(5_000, weight));
      ok(yields > 8 && yields < 400, String(yields));
    }
  });
});

describe('ring hash', () => {
  it('shares keys by weight to about a tenth', () => {
    const seats = many(100, (index) => (index < 50 ? 1 : 3));
    const counts = tally(idsOf(made(ring, seats).table));
    for (const { endpoint, weight } of seats) {
      const share = (keys.length * weight) / 200;
      const got = counts[endpoint.id] ?? 0;
      ok(Math.abs(got - share) < share * 0.5, `${endpoint.id}: ${got} where ${share} were due`);
    }
    const heavy = seats.slice(50).reduce((sum, { endpoint }) => sum + counts[endpoint.id]!, 0);
    ok(Math.abs(heavy - keys.length * 0.75) < keys.length * 0.03, String(heavy));
  });

  it('moves nobody else’s keys when one joins, leaves, or is weighed anew', () => {
    const seats = many(100, (index) => 1 + (index % 2));
    const before = idsOf(made(ring, seats).table);
    equal(movedBetween(before, idsOf(made(ring, seats.slice(1)).table), 'instance-0'), 0);
    const joined = idsOf(made(ring, [...seats, seat('new')]).table);
    equal(movedBetween(before, joined, 'new'), 0);
    ok(joined.filter((id) => id === 'new').length < (keys.length / 150) * 1.5);
    const heavier = seats.map((one, index) => (index === 7 ? seat(one.endpoint.id, 4) : one));
    equal(movedBetween(before, idsOf(made(ring, heavier).table), 'instance-7'), 0);
  });

  it('lets who weighs less keep the first of its points, so that its keys never go round', () => {
    const seats = many(20);
    const lighter = seats.map((one, index) => (index === 3 ? seat(one.endpoint.id, 0.5) : one));
    const [before, after] = [idsOf(made(ring, seats).table), idsOf(made(ring, lighter).table)];
    equal(after.filter((id, place) => id === 'instance-3' && before[place] !== id).length, 0);
  });

  it('is made in slices, and is bounded for 5,000', () => {
    const { yields } = made(
      ring,
      many(5_000, (index) => (index === 0 ? 1_000_000 : 1)),
    );
    ok(yields > 0 && yields < 200, String(yields));
  });

  it('finds the first point at or after a key, and the first of all behind the last', () => {
    for (const count of [1, 2, 7, 300]) {
      const seats = many(count);
      const { table } = made(ring, seats);
      const points = seats.flatMap((one) => {
        const { one: first, other } = entryOf(one);
        return Array.from({ length: 128 }, (_, point) => ({ hash: mix(first + mix(other + point)), id: one.endpoint.id }));
      });
      points.sort((a, b) => a.hash - b.hash);
      for (const key of [0, 1, 2 ** 31, 2 ** 32 - 1, ...points.slice(-9).map(({ hash }) => hash), ...keys.slice(0, 500)]) {
        const place = points.findIndex(({ hash }) => hash >= key);
        const next = (turn: number): string => points[(Math.max(0, place) + turn) % points.length]!.id;
        for (const turn of [0, 1, 31])
          equal(table.seats[table.ownerOf(key, turn)]!.endpoint.id, next(turn), `${count}: ${key}, ${turn}`);
      }
      const arcs = points.map(({ hash, id }, place) => ({
        id,
        arc: hash - (points[place - 1]?.hash ?? points.at(-1)!.hash - 2 ** 32),
      }));
      const shareOf = (id: string): number => arcs.reduce((sum, one) => sum + (one.id === id ? one.arc : 0), 0) / 2 ** 32;
      for (const [{ endpoint }, share] of table.shares()) equal(share, shareOf(endpoint.id));
    }
  });
});

for (const [name, make] of [
  ['ring hash', ring],
  ['maglev', sized(10_007)],
] as const) {
  const balancing = (seats: readonly Seat[], parts: Partial<HashParts> = {}): HashBalancer => {
    const balancer = new HashBalancer(make, { random: seeded(4), ...parts });
    balancer.update(seats);
    return balancer;
  };
  const idFor = (balancer: HashBalancer, key: number, tried: readonly string[] = []): string | undefined =>
    balancer.pick({ tried, key })?.endpoint.id;
  const some = keys.slice(0, 2_000);

  describe(`calls by a key, under ${name}`, () => {
    it('come to the same endpoint in every sidecar', () => {
      const [one, other] = [balancing(many(10)), balancing(many(10), { random: seeded(9) })];
      deepEqual(
        some.map((key) => idFor(one, key)),
        some.map((key) => idFor(other, key)),
      );
    });

    if (name === 'ring hash')
      it('of one that is out go to the next on the ring, as if it had left', () => {
        const [seats, left] = [many(10), balancing(many(10).filter((_, place) => place !== 3))];
        const balancer = balancing(seats);
        seats[3]!.eligible = false;
        balancer.changed(seats[3]!);
        deepEqual(
          some.map((key) => idFor(balancer, key)),
          some.map((key) => idFor(left, key)),
        );
      });

    it('move away from one that is out, each of them, and nobody else’s, and come back with it', () => {
      const seats = many(10);
      const balancer = balancing(seats);
      const before = some.map((key) => idFor(balancer, key));
      seats[3]!.eligible = false;
      balancer.changed(seats[3]!);
      const while_ = some.map((key) => idFor(balancer, key));
      equal(while_.filter((id) => id === 'instance-3').length, 0);
      equal(before.filter((id, place) => id !== 'instance-3' && id !== while_[place]).length, 0);
      const taken = tally(while_.filter((_, place) => before[place] === 'instance-3') as string[]);
      ok(Object.keys(taken).length >= 6, `its calls go to ${Object.keys(taken).length} others`);
      seats[3]!.eligible = true;
      balancer.changed(seats[3]!);
      deepEqual(
        some.map((key) => idFor(balancer, key)),
        before,
      );
    });

    it('go elsewhere when they were there, and find the last one that is left', () => {
      const seats = many(200);
      const balancer = balancing(seats);
      for (const one of seats.slice(1)) {
        one.eligible = false;
        balancer.changed(one);
      }
      equal(idFor(balancer, 5), 'instance-0');
      equal(idFor(balancer, 5, ['instance-0']), undefined);
    });

    it('are shared as the balancer says', () => {
      const seats = many(5);
      const balancer = balancing(seats);
      seats[2]!.eligible = false;
      balancer.changed(seats[2]!);
      const counts = tally(keys.map((key) => idFor(balancer, key)!));
      for (const [{ endpoint }, share] of balancer.shares()) {
        const got = counts[endpoint.id]! / keys.length;
        ok(Math.abs(got - share) < 0.05, `${endpoint.id}: ${got} where ${share} was said`);
      }
      equal(balancer.shares().size, 4);
    });

    it('are spread by weight where they have no key', () => {
      const balancer = balancing([seat('a', 3), seat('b', 1)]);
      const ids = Array.from({ length: 4_000 }, () => balancer.pick({ tried: [] })!.endpoint.id);
      ok(Math.abs(tally(ids)['a']! - 3_000) < 300, JSON.stringify(tally(ids)));
    });

    it('never make one carry more than its bound, be they all of one key', () => {
      const seats = many(10);
      let inFlight = 0;
      const balancer = balancing(seats, { mostLoad: 1.25, inFlight: () => inFlight });
      const own = idFor(balancer, 42)!;
      for (; inFlight < 100; inFlight++) {
        const picked = balancer.pick({ tried: [], key: 42 })!;
        const bound = Math.ceil((1.25 * (inFlight + 1)) / 10);
        ok(++picked.active <= bound, `${picked.endpoint.id} carries ${picked.active} of ${inFlight + 1}`);
      }
      equal(seats.find(({ endpoint }) => endpoint.id === own)!.active, 13);
    });

    it('stay with one however many there are, where there is no bound', () => {
      const seats = many(10);
      const balancer = balancing(seats);
      for (let call = 0; call < 100; call++) balancer.pick({ tried: [], key: 42 })!.active++;
      equal(Math.max(...seats.map(({ active }) => active)), 100);
    });

    it('go by the old table until a new one is made, beside them and once for many changes, but never to one that left', () => {
      const waiting: (() => void)[] = [];
      const later = (_: number, run: () => void): void => void waiting.push(run);
      const seats = many(100);
      const balancer = balancing(seats, { later });
      const before = some.map((key) => idFor(balancer, key));
      const list = [...seats.slice(1), seat('new')];
      balancer.update(list);
      list[5]!.weight = 2;
      balancer.changed(list[5]!);
      equal(waiting.length, 1);
      const meanwhile = some.map((key) => idFor(balancer, key));
      equal(movedBetween(before as string[], meanwhile as string[], 'instance-0'), 0);
      ok(!meanwhile.includes('instance-0') && !meanwhile.includes('new'));
      let slices = 0;
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift(), slices++) next();
      ok(slices > 1, `${slices} slices`);
      ok(some.some((key) => idFor(balancer, key) === 'new'));
    });
  });
}
