/**
 * What ring hash and Maglev have in common, as hash-balancer.ts sees them: a table that maps keys to seats, without a look at them, made
 * bit by bit.
 */
import type { Seat } from './balancer.js';
import { hashOf } from './hashing.js';

export interface HashTable {
  /** Those that it was made for, in the order of its owners. */
  readonly seats: readonly Seat[];
  /**
   * Whose a key is: a place in `seats`. `turn` 0 is the one that the key belongs to; further turns are for whom that one is out or full, and
   * come to others, though not to another each time.
   */
  ownerOf(key: number, turn: number): number;
  /** What of all keys belongs to each, 0 to 1. Walks the table: for a person who asks. */
  shares(): ReadonlyMap<Seat, number>;
}

/** A seat as it was when the table was begun: two hashes, so that no two seats of a fleet share all of them. */
export interface Entry {
  readonly seat: Seat;
  readonly weight: number;
  readonly one: number;
  readonly other: number;
}

/** Makes a table, and yields after each few thousand steps, so that nobody waits for all of it. At least one entry. */
export type MakeTable = (entries: readonly Entry[]) => Generator<undefined, HashTable>;

/** By id: one that comes back at another address, as the pods of a StatefulSet do, finds its keys again. */
export const entryOf = (seat: Seat): Entry => {
  const { id } = seat.endpoint;
  return { seat, weight: seat.weight, one: hashOf(id), other: hashOf(id, 0x9e3779b9) };
};

/** Steps between two yields: well below a millisecond. */
export const stepsPerSlice = 8_192;
