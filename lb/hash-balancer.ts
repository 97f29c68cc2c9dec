/**
 * Chooses by a key of the call (hash-key.ts), so that calls of one key come to one endpoint in every sidecar, as far as it is well. Which
 * seat a key belongs to is the table's affair (ring.ts, maglev.ts); this minds who may be asked, who is full, and when the table is made.
 *
 *     key ─▶ table: turn 0, 1, 2 … until one may be asked and is not full ─▶ seat
 *                   ▲                 └ after 32 turns: by weight, at a place that hangs on the key
 *     list or weights change ─▶ a new table, made in slices beside the calls; meanwhile the old one holds
 *
 * Who is out keeps its points or slots: only its own calls go elsewhere, each to where its key leads next, and come back with it. A call
 * without a key (the header is missing) is drawn by chance, by weight.
 *
 * With a bound (Mirrokni, Thorup, Zadimoghaddam: Consistent Hashing with Bounded Loads) nobody carries more than `mostLoad` times its
 * share of the calls in flight, rounded up; what is more goes on to the next.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import { Drawable, weightOf } from './drawable.js';
import { entryOf, type HashTable, type MakeTable } from './hash-table.js';
import { mix, unit } from './hashing.js';
import type { Random } from './ports.js';

export interface HashParts {
  readonly random: Random;
  /** Times its share of the calls in flight that a seat may carry; undefined: no bound. */
  readonly mostLoad?: number | undefined;
  /** Calls in flight of the whole upstream. */
  readonly inFlight?: (() => number) | undefined;
  /** Runs something a little later, not within a call. Absent: at once. */
  readonly later?: ((ms: number, run: () => void) => void) | undefined;
}

const mostTurns = 32;
/** Changes of so long a time are met by one new table. */
const gatherMs = 50;

export class HashBalancer implements Balancer {
  readonly #make: MakeTable;
  readonly #parts: HashParts;
  readonly #seats = new Drawable();
  #table: HashTable | undefined;
  /** The owners of the table, but those that have gone: a pick comes to its seat without another look. */
  #owners: readonly (Seat | undefined)[] = [];
  /** The weights that the table is made of, or is being made of. */
  #weights = new Map<Seat, number>();
  #making: Generator<undefined, HashTable> | undefined;
  #isWaiting = false;
  /** Something has changed since the making of the table began. */
  #isStale = false;

  constructor(make: MakeTable, parts: HashParts) {
    this.#make = make;
    this.#parts = parts;
  }

  update(seats: readonly Seat[]): void {
    this.#seats.update(seats);
    this.#seek();
    if (seats.length !== this.#weights.size || seats.some((seat) => this.#weights.get(seat) !== seat.weight)) this.#renew();
  }

  changed(seat: Seat): void {
    this.#seats.changed(seat);
    if (this.#weights.get(seat) !== seat.weight) this.#renew();
  }

  pick(ask: Ask): Seat | undefined {
    const { tried, key = Math.floor(this.#parts.random() * 2 ** 32) } = ask;
    if (tried.length > 0) this.#seats.setAside(tried);
    const seat = this.#seats.total > 0 ? this.#find(key, tried) : undefined;
    if (tried.length > 0) this.#seats.back();
    return seat;
  }

  home({ key }: Ask, seat: Seat): boolean {
    const table = this.#table;
    return key !== undefined && table !== undefined && table.seats[table.ownerOf(key, 0)] === seat;
  }

  /** Of all keys there can be; the calls of one that is out are taken to be spread like all others. */
  shares(): ReadonlyMap<Seat, number> {
    const all = [...(this.#table?.shares() ?? [])].filter(([seat]) => this.#seats.placeOf(seat) >= 0 && seat.eligible);
    const total = all.reduce((sum, [, share]) => sum + share, 0);
    return new Map(all.map(([seat, share]) => [seat, share / total]));
  }

  #find(key: number, tried: readonly string[]): Seat {
    const { mostLoad } = this.#parts;
    let full: Seat | undefined;
    for (let turn = 0; this.#table !== undefined && turn < mostTurns; turn++) {
      const seat = this.#owners[this.#table.ownerOf(key, turn)];
      if (seat === undefined || weightOf(seat) === 0 || (tried.length > 0 && tried.includes(seat.endpoint.id))) continue;
      if (mostLoad === undefined || seat.active < this.#roomOf(seat, mostLoad)) return seat;
      full ??= seat;
    }
    return full ?? this.#seats.seats[this.#seats.draw(unit(mix(key)))]!;
  }

  #roomOf({ weight }: Seat, mostLoad: number): number {
    const { inFlight = () => 0 } = this.#parts;
    const share = weight / this.#seats.total;
    return Math.ceil(mostLoad * (inFlight() + 1) * share);
  }

  /** The first table is made at once, since calls wait for it; one change after another is gathered into one new table. */
  #renew(): void {
    const { later } = this.#parts;
    this.#isStale = true;
    if (later === undefined || this.#table === undefined) {
      this.#begin();
      while (this.#making !== undefined) this.#step();
    } else if (!this.#isWaiting && this.#making === undefined) {
      this.#isWaiting = true;
      later(gatherMs, () => {
        this.#isWaiting = false;
        this.#begin();
        this.#slice(later);
      });
    }
  }

  #slice(later: (ms: number, run: () => void) => void): void {
    this.#step();
    if (this.#making !== undefined) later(0, () => this.#slice(later));
    else if (this.#isStale) this.#renew();
  }

  #begin(): void {
    const { seats } = this.#seats;
    this.#isStale = false;
    this.#weights = new Map(seats.map((seat) => [seat, seat.weight]));
    const entries = seats.filter(({ weight }) => weight > 0).map(entryOf);
    if (entries.length > 0) this.#making = this.#make(entries);
    else this.#table = this.#making = undefined;
  }

  #seek(): void {
    this.#owners = (this.#table?.seats ?? []).map((seat) => (this.#seats.placeOf(seat) < 0 ? undefined : seat));
  }

  #step(): void {
    const made = this.#making?.next();
    if (!made?.done) return;
    this.#table = made.value;
    this.#making = undefined;
    this.#seek();
  }
}
