/**
 * The seats of a balancer, divided among balancers of their own: by zone (zone-aware.ts), by a label (split.ts). Passes on what happens to
 * a seat, and knows the weight that may be asked in each part. How many parts there are is the caller's bound.
 */
import { sharesOf, type Ask, type Balancer, type Seat } from './balancer.js';
import type { Outcome } from './outcome.js';

export class Part {
  readonly balancer: Balancer;
  seats: Seat[] = [];
  /** Of those that may get a call, and how many they are. */
  weight = 0;
  count = 0;

  constructor(balancer: Balancer) {
    this.balancer = balancer;
  }
}

interface Place {
  readonly part: number;
  /** What it adds to the weight of its part. */
  weight: number;
}

export class Parts {
  readonly all: readonly Part[];
  readonly #partOf: (seat: Seat) => number;
  #places = new Map<Seat, Place>();

  constructor(count: number, make: () => Balancer, partOf: (seat: Seat) => number) {
    this.all = Array.from({ length: count }, () => new Part(make()));
    this.#partOf = partOf;
  }

  update(seats: readonly Seat[]): void {
    this.#places = new Map();
    for (const part of this.all) [part.seats, part.weight, part.count] = [[], 0, 0];
    for (const seat of seats) {
      const place = { part: this.#partOf(seat), weight: 0 };
      this.#places.set(seat, place);
      this.all[place.part]!.seats.push(seat);
      this.#weigh(seat, place);
    }
    for (const { balancer, seats } of this.all) balancer.update(seats);
  }

  changed(seat: Seat): void {
    const place = this.#places.get(seat);
    if (place === undefined) return;
    this.#weigh(seat, place);
    this.all[place.part]!.balancer.changed(seat);
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.of(seat)?.balancer.seen?.(seat, outcome, now);
  }

  of(seat: Seat): Part | undefined {
    const place = this.#places.get(seat);
    return place && this.all[place.part];
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

  /** `parts`: what each part gets, 0 to 1. */
  shares(parts: readonly number[]): ReadonlyMap<Seat, number> {
    const shares = new Map<Seat, number>();
    this.all.forEach(({ balancer, seats }, place) => {
      for (const [seat, share] of sharesOf(balancer, seats)) shares.set(seat, share * parts[place]!);
    });
    return shares;
  }

  #weigh(seat: Seat, place: Place): void {
    const weight = seat.eligible ? seat.weight : 0;
    const part = this.all[place.part]!;
    part.count += Number(weight > 0) - Number(place.weight > 0);
    part.weight = part.count === 0 ? 0 : part.weight + weight - place.weight;
    place.weight = weight;
  }
}
