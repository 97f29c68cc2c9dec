/**
 * Google's Maglev (Eisenbud et al., NSDI 2016, section 3.4): a table of a prime number of slots. Each seat has an order of its own in
 * which it would like the slots, made of two hashes (offset + j * skip); the seats take the next free slot of theirs in turns until none
 * is free. A key belongs to the seat of its slot: one look, and shares even to a per cent or so. One who joins or leaves moves its own
 * share, and a few slots beside it.
 *
 * The paper has no weights. Here, as in Envoy, a seat of twice the weight has twice the turns, at even distances.
 */
import type { Seat } from './balancer.js';
import { type Entry, type HashTable, stepsPerSlice } from './hash-table.js';
import { mix } from './hashing.js';
import { Turns, type Waiting } from './turns.js';

/** The paper's small table: more than a hundred slots for each of 500, and 13 for each of 5,000. */
const usualSize = 65_537;
const golden = 0x9e3779b9;

class Maglev implements HashTable {
  readonly #slots: readonly (Seat | undefined)[];

  constructor(slots: readonly (Seat | undefined)[]) {
    this.#slots = slots;
  }

  seatOf(key: number, turn: number): Seat {
    const hash = turn === 0 ? key : mix(key + Math.imul(turn, golden));
    return this.#slots[hash % this.#slots.length]!;
  }

  shares(): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    for (const seat of this.#slots) shares.set(seat!, (shares.get(seat!) ?? 0) + 1 / this.#slots.length);
    return shares;
  }
}

interface Taker extends Waiting<Taker> {
  readonly entry: Entry;
  readonly skip: number;
  /** The slot that it would like next. */
  slot: number;
  /** When its next turn is: after 1 / weight, 2 / weight, … */
  due: number;
  readonly order: number;
}

/** `size`: how many slots, a prime number. */
export function* maglev(entries: readonly Entry[], size = usualSize): Generator<undefined, HashTable> {
  const slots = new Array<Seat | undefined>(size).fill(undefined);
  const turns = new Turns<Taker>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order));
  for (const taker of takers(entries, size)) turns.add(taker);
  let steps = 0;
  for (let taken = 0; taken < size; taken++) {
    const taker = turns.first!;
    while (slots[taker.slot] !== undefined) {
      taker.slot = (taker.slot + taker.skip) % size;
      if (++steps % stepsPerSlice === 0) yield;
    }
    slots[taker.slot] = taker.entry.seat;
    taker.due += 1 / taker.entry.weight;
    turns.moved(taker);
    if (++steps % stepsPerSlice === 0) yield;
  }
  return new Maglev(slots);
}

/** In an order that is the same in every sidecar, in whichever order the list names them. */
const takers = (entries: readonly Entry[], size: number): Taker[] =>
  [...entries]
    .sort((a, b) => b.weight - a.weight || a.one - b.one || a.other - b.other)
    .map((entry, order) => ({
      ...{ entry, order, slot: entry.one % size, skip: (entry.other % (size - 1)) + 1 },
      ...{ due: 1 / entry.weight, place: -1, ahead: undefined, behind: undefined },
    }));
