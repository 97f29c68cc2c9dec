/**
 * A hash ring (Karger et al. 1997; with many points for each seat, in proportion to its weight, as libketama does): a key belongs to the
 * first point at or after it. A seat's points hang on nothing but its id and its weight, so that one who joins, leaves or is out moves its
 * own keys only; with less weight it keeps the first of its points.
 *
 * Hashes are even, so a point's place is known but for its neighbours: the points are sorted by counting how many fall into each bucket, of
 * which there is one for 32 points, and a key is looked up from where it would stand in its bucket if they were quite even. That is a line of
 * memory or two of a ring too great for the cache, and each of them costs more than all the steps.
 *
 *     buckets   │    0    │    1    │    2    │ …
 *     points    │  a   c  │         │ b  a  c │ …      a key in bucket 1 belongs to b
 *
 * There are 2^bits buckets, no fewer than seats. A point is one number: what its bucket does not say of its hash, and in the bits that this
 * leaves free, whose it is.
 */
import type { Seat } from './balancer.js';
import { type Entry, type HashTable, stepsPerSlice } from './hash-table.js';
import { mix, unit } from './hashing.js';

/** Points of a seat of usual weight: shares are even to about a tenth (one by its square root). */
export const pointsOfUsual = 128;
/** Of one seat, and of a whole ring: a fleet of more than 4,096 has fewer for each. */
const mostOfOne = 8_192;
const mostPoints = 2 ** 19;

/** At most, in the mean. Where the buckets begin is to stay in the cache, and a newcomer among so many is still sorted in quickly. */
const pointsOfBucket = 32;

class Ring implements HashTable {
  readonly seats: readonly Seat[];
  /** In order. */
  readonly #points: Uint32Array;
  /** Where each bucket begins, and the last one ends. */
  readonly #begins: Int32Array;
  readonly #bits: number;

  constructor(seats: readonly Seat[], points: Uint32Array, begins: Int32Array, bits: number) {
    this.seats = seats;
    this.#points = points;
    this.#begins = begins;
    this.#bits = bits;
  }

  ownerOf(key: number, turn: number): number {
    const points = this.#points;
    const bucket = key >>> (32 - this.#bits);
    const least = (key << this.#bits) >>> 0;
    const begin = this.#begins[bucket]!;
    const end = this.#begins[bucket + 1]!;
    let at = begin + Math.floor(unit(least) * (end - begin));
    while (at > begin && points[at - 1]! >= least) at--;
    while (at < end && points[at]! < least) at++;
    at += turn;
    return this.#ownerAt(at < points.length ? at : at % points.length);
  }

  shares(): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    let before = 0;
    const add = (at: number, hash: number): void => {
      const seat = this.seats[this.#ownerAt(at)]!;
      shares.set(seat, (shares.get(seat) ?? 0) + unit(hash - before));
      before = hash;
    };
    for (let bucket = 0; bucket < this.#begins.length - 1; bucket++)
      for (let at = this.#begins[bucket]!; at < this.#begins[bucket + 1]!; at++)
        add(at, ((bucket << (32 - this.#bits)) | (this.#points[at]! >>> this.#bits)) >>> 0);
    add(0, 2 ** 32);
    return shares;
  }

  #ownerAt(at: number): number {
    return this.#points[at]! & ((1 << this.#bits) - 1);
  }
}

export function* ring(entries: readonly Entry[]): Generator<undefined, HashTable> {
  const counts = pointsFor(entries);
  const count = counts.reduce((sum, one) => sum + one, 0);
  const bits = Math.ceil(Math.log2(Math.max(2, count / pointsOfBucket, entries.length)));
  const hashes = new Uint32Array(count);
  const begins = new Int32Array(2 ** bits + 1);
  let made = 0;
  for (const [index, { one, other }] of entries.entries()) {
    for (let point = 0; point < counts[index]!; point++) {
      const hash = mix(one + mix(other + point));
      hashes[made++] = hash;
      begins[(hash >>> (32 - bits)) + 1]!++;
      if (made % stepsPerSlice === 0) yield;
    }
  }
  for (let bucket = 1; bucket < begins.length; bucket++) begins[bucket]! += begins[bucket - 1]!;
  const points = new Uint32Array(count);
  const ends = begins.slice();
  made = 0;
  for (let index = 0; index < entries.length; index++) {
    for (let turn = 0; turn < counts[index]!; turn++) {
      const hash = hashes[made++]!;
      const point = ((hash << bits) | index) >>> 0;
      const bucket = hash >>> (32 - bits);
      let at = ends[bucket]!++;
      // in its bucket, of which there are a few
      for (; at > begins[bucket]! && points[at - 1]! > point; at--) points[at] = points[at - 1]!;
      points[at] = point;
      if (made % stepsPerSlice === 0) yield;
    }
  }
  return new Ring(
    entries.map(({ seat }) => seat),
    points,
    begins,
    bits,
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
