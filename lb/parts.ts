/**
 * The seats of a balancer, divided among balancers of their own: by zone (zone-aware.ts), by a label (split.ts). Passes on what happens to
 * a seat, and knows the weight that may be asked in each part. How many parts there are is the caller's bound.
 */
import { sharesOf, type Ask, type Balancer, type Seat } from './balancer.js';
import { Drawable } from './drawable.js';
import type { Outcome } from './outcome.js';

export class Part {
  readonly balancer: Balancer;
  readonly #sums = new Drawable();

  constructor(balancer: Balancer) {
    this.balancer = balancer;
  }

  get seats(): readonly Seat[] {
    return this.#sums.seats;
  }

  /** Of those that may get a call, and how many they are. */
  get weight(): number {
    return this.#sums.total;
  }
  get count(): number {
    return this.#sums.count;
  }

  update(seats: readonly Seat[]): void {
    this.#sums.update(seats);
    this.balancer.update(seats);
  }

  changed(seat: Seat): void {
    this.#sums.changed(seat);
    this.balancer.changed(seat);
  }
}

export class Parts {
  readonly all: readonly Part[];
  readonly #partOf: (seat: Seat) => number;
  #places = new Map<Seat, Part>();

  constructor(count: number, make: () => Balancer, partOf: (seat: Seat) => number) {
    this.all = Array.from({ length: count }, () => new Part(make()));
    this.#partOf = partOf;
  }

  update(seats: readonly Seat[]): void {
    this.#places = new Map(seats.map((seat) => [seat, this.all[this.#partOf(seat)]!]));
    const divided = new Map(this.all.map((part): [Part, Seat[]] => [part, []]));
    for (const [seat, part] of this.#places) divided.get(part)!.push(seat);
    for (const [part, its] of divided) part.update(its);
  }

  changed(seat: Seat): void {
    this.of(seat)?.changed(seat);
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.of(seat)?.balancer.seen?.(seat, outcome, now);
  }

  of(seat: Seat): Part | undefined {
    return this.#places.get(seat);
  }

  /** Of the part at `place`, or, when nobody is left there, of the first other one that has somebody. */
  pick(place: number, ask: Ask, now: number): Seat | undefined {
    const picked = this.all[place]?.balancer.pick(ask, now);
    if (picked !== undefined) return picked;
    for (const part of this.all) {
      const other = part === this.all[place] ? undefined : part.balancer.pick(ask, now);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  /** `place`: the part to which the ask's key leads. */
  home(place: number, ask: Ask, seat: Seat): boolean {
    const part = this.of(seat);
    return part !== undefined && part === this.all[place] && (part.balancer.home?.(ask, seat) ?? false);
  }

  /** `parts`: what each part gets, 0 to 1. */
  shares(parts: readonly number[]): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    this.all.forEach(({ balancer, seats }, place) => {
      for (const [seat, share] of sharesOf(balancer, seats)) shares.set(seat, share * parts[place]!);
    });
    return shares;
  }
}
