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
/** Of a slot that nobody has taken yet. There are no more owners than that: the lightest of a greater fleet would have no slot anyway. */
const free = 0xffff;

class Maglev implements HashTable {
  readonly seats: readonly Seat[];
  /** Owners. So small that it stays near whoever looks at it with each call. */
  readonly #slots: Uint16Array;

  constructor(seats: readonly Seat[], slots: Uint16Array) {
    this.seats = seats;
    this.#slots = slots;
  }

  ownerOf(key: number, turn: number): number {
    const hash = turn === 0 ? key : mix(key + Math.imul(turn, golden));
    return this.#slots[hash % this.#slots.length]!;
  }

  shares(): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    for (const owner of this.#slots) {
      const seat = this.seats[owner]!;
      shares.set(seat, (shares.get(seat) ?? 0) + 1 / this.#slots.length);
    }
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
  const slots = new Uint16Array(size).fill(free);
  const turns = new Turns<Taker>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order));
  const all = takers(entries, size);
  for (const taker of all) turns.add(taker);
  let steps = 0;
  for (let taken = 0; taken < size; taken++) {
    const taker = turns.first!;
    while (slots[taker.slot] !== free) {
      taker.slot = (taker.slot + taker.skip) % size;
      if (++steps % stepsPerSlice === 0) yield;
    }
    slots[taker.slot] = taker.order;
    taker.due += 1 / taker.entry.weight;
    turns.moved(taker);
    if (++steps % stepsPerSlice === 0) yield;
  }
  return new Maglev(
    all.map(({ entry: { seat } }) => seat),
    slots,
  );
}

/** In an order that is the same in every sidecar, in whichever order the list names them. */
const takers = (entries: readonly Entry[], size: number): Taker[] =>
  [...entries]
    .sort((a, b) => b.weight - a.weight || a.one - b.one || a.other - b.other)
    .slice(0, free)
    .map((entry, order) => ({
      ...{ entry, order, slot: entry.one % size, skip: (entry.other % (size - 1)) + 1 },
      ...{ due: 1 / entry.weight, place: -1, ahead: undefined, behind: undefined },
    }));
