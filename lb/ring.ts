/**
 * A hash ring (Karger et al. 1997; with many points for each seat, in proportion to its weight, as libketama does): a key belongs to the
 * first point at or after it. A seat's points hang on nothing but its id and its weight, so that one who joins, leaves or is out moves its
 * own keys only; with less weight it keeps the first of its points.
 *
 * Hashes are even, so a point's place is known but for its neighbours: the points are sorted by counting how many fall into each of as
 * many buckets as there are points, and a key is looked up from the beginning of its bucket, in a step or two.
 *
 *     buckets   │    0    │    1    │    2    │ …
 *     points    │  a   c  │         │ b  a  c │ …      a key in bucket 1 belongs to b
 */
import type { Seat } from './balancer.js';
import { type Entry, type HashTable, stepsPerSlice } from './hash-table.js';
import { mix, unit } from './hashing.js';

/** Points of a seat of usual weight: shares are even to about a tenth (one by its square root). */
export const pointsOfUsual = 128;
/** Of one seat, and of a whole ring: a fleet of more than 4,096 has fewer for each. */
const mostOfOne = 8_192;
const mostPoints = 2 ** 19;

class Ring implements HashTable {
  readonly #hashes: Uint32Array;
  readonly #owners: Int32Array;
  readonly #begins: Int32Array;
  readonly #seats: readonly Seat[];

  constructor(hashes: Uint32Array, owners: Int32Array, begins: Int32Array, seats: readonly Seat[]) {
    this.#hashes = hashes;
    this.#owners = owners;
    this.#begins = begins;
    this.#seats = seats;
  }

  seatOf(key: number, turn: number): Seat {
    const count = this.#hashes.length;
    let at = this.#begins[Math.floor(unit(key) * count)]!;
    while (at < count && this.#hashes[at]! < key) at++;
    return this.#seats[this.#owners[(at + turn) % count]!]!;
  }

  shares(): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    const hashes = this.#hashes;
    hashes.forEach((hash, at) => {
      const before = at === 0 ? hashes.at(-1)! - 2 ** 32 : hashes[at - 1]!;
      const seat = this.#seats[this.#owners[at]!]!;
      shares.set(seat, (shares.get(seat) ?? 0) + unit(hash - before));
    });
    return shares;
  }
}

export function* ring(entries: readonly Entry[]): Generator<undefined, HashTable> {
  const points = pointsFor(entries);
  const count = points.reduce((sum, one) => sum + one, 0);
  const raw = new Uint32Array(count);
  const begins = new Int32Array(count + 1);
  let made = 0;
  for (const [index, { one, other }] of entries.entries()) {
    for (let point = 0; point < points[index]!; point++) {
      const hash = mix(one + mix(other + point));
      raw[made++] = hash;
      begins[Math.floor(unit(hash) * count) + 1]!++;
      if (made % stepsPerSlice === 0) yield;
    }
  }
  for (let bucket = 1; bucket <= count; bucket++) begins[bucket]! += begins[bucket - 1]!;
  const hashes = new Uint32Array(count);
  const owners = new Int32Array(count);
  const ends = begins.slice();
  made = 0;
  for (let index = 0; index < entries.length; index++) {
    for (let point = 0; point < points[index]!; point++) {
      const hash = raw[made++]!;
      const bucket = Math.floor(unit(hash) * count);
      let at = ends[bucket]!++;
      // in its bucket, of which there are one or two
      for (; at > begins[bucket]! && hashes[at - 1]! > hash; at--) {
        hashes[at] = hashes[at - 1]!;
        owners[at] = owners[at - 1]!;
      }
      hashes[at] = hash;
      owners[at] = index;
      if (made % stepsPerSlice === 0) yield;
    }
  }
  return new Ring(
    hashes,
    owners,
    begins,
    entries.map(({ seat }) => seat),
  );
}

/**
 * Weights are counted against a power of two near their mean: nobody's points change by a neighbour's weight, until the mean has moved to
 * another power.
 */
function pointsFor(entries: readonly Entry[]): number[] {
  const mean = entries.reduce((sum, { weight }) => sum + weight, 0) / entries.length;
  let usual = pointsOfUsual;
  while (usual > 1 && usual * entries.length > mostPoints) usual /= 2;
  const each = usual / 2 ** Math.round(Math.log2(mean));
  return entries.map(({ weight }) => Math.max(1, Math.min(mostOfOne, Math.round(weight * each))));
}
