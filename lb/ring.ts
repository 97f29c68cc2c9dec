/**
 * A hash ring (Karger et al. 1997; with many points for each seat, in proportion to its weight, as libketama does): a key belongs to the
 * first point at or after it. A seat's points hang on nothing but its id and its weight, so that one who joins, leaves or is out moves its
 * own keys only; with less weight it keeps the first of its points.
 *
 * Hashes are even, so a point's place is known but for its neighbours: the points are sorted by counting how many fall into each bucket, of
 * which there is one for eight points, and a key is looked up from the beginning of its bucket, in a few steps side by side.
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

/** Points that one bucket holds, by the way: their hashes and owners fit into a line of memory. */
const pointsOfBucket = 8;

class Ring implements HashTable {
  readonly seats: readonly Seat[];
  /** In order, each a hash and its owner. */
  readonly #points: Uint32Array;
  /** Where each bucket begins. */
  readonly #begins: Int32Array;

  constructor(seats: readonly Seat[], points: Uint32Array, begins: Int32Array) {
    this.seats = seats;
    this.#points = points;
    this.#begins = begins;
  }

  ownerOf(key: number, turn: number): number {
    const points = this.#points;
    const count = points.length / 2;
    let at = this.#begins[Math.floor(unit(key) * (this.#begins.length - 1))]!;
    while (at < count && points[2 * at]! < key) at++;
    return points[2 * ((at + turn) % count) + 1]!;
  }

  shares(): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    const points = this.#points;
    let before = points.at(-2)! - 2 ** 32;
    for (let at = 0; at < points.length; at += 2) {
      const seat = this.seats[points[at + 1]!]!;
      shares.set(seat, (shares.get(seat) ?? 0) + unit(points[at]! - before));
      before = points[at]!;
    }
    return shares;
  }
}

export function* ring(entries: readonly Entry[]): Generator<undefined, HashTable> {
  const counts = pointsFor(entries);
  const count = counts.reduce((sum, one) => sum + one, 0);
  const raw = new Uint32Array(count);
  const buckets = Math.ceil(count / pointsOfBucket);
  const begins = new Int32Array(buckets + 1);
  let made = 0;
  for (const [index, { one, other }] of entries.entries()) {
    for (let point = 0; point < counts[index]!; point++) {
      const hash = mix(one + mix(other + point));
      raw[made++] = hash;
      begins[Math.floor(unit(hash) * buckets) + 1]!++;
      if (made % stepsPerSlice === 0) yield;
    }
  }
  for (let bucket = 1; bucket <= buckets; bucket++) begins[bucket]! += begins[bucket - 1]!;
  const points = new Uint32Array(2 * count);
  const ends = begins.slice();
  made = 0;
  for (let index = 0; index < entries.length; index++) {
    for (let point = 0; point < counts[index]!; point++) {
      const hash = raw[made++]!;
      const bucket = Math.floor(unit(hash) * buckets);
      let at = ends[bucket]!++;
      // in its bucket, of which there are a few
      for (; at > begins[bucket]! && points[2 * (at - 1)]! > hash; at--) {
        points[2 * at] = points[2 * at - 2]!;
        points[2 * at + 1] = points[2 * at - 1]!;
      }
      points[2 * at] = hash;
      points[2 * at + 1] = index;
      if (made % stepsPerSlice === 0) yield;
    }
  }
  return new Ring(
    entries.map(({ seat }) => seat),
    points,
    begins,
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
