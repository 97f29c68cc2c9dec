/**
 * Draws each call's endpoint by chance, in proportion to the weights: a binary search among the running sums of the weights, O(log n).
 * Tried ones are cut out of the range that is drawn from, so that one draw is always enough.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import { EligibleSeats } from './eligible.js';
import type { Random } from './ports.js';

export class WeightedRandom implements Balancer {
  readonly #random: Random;
  readonly #seats = new EligibleSeats();
  #summed: readonly Seat[] = [];
  /** Where each seat's part of the range ends. */
  #ends: number[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  update(seats: readonly Seat[]): void {
    this.#seats.update(seats);
  }

  changed(): void {
    this.#seats.changed();
  }

  pick(ask: Ask): Seat | undefined {
    const seats = this.#seats.list;
    if (seats !== this.#summed) this.#sum(seats);
    const tried = this.#seats.placesOf(ask.tried);
    if (tried.length === seats.length) return undefined;
    const range = tried.reduce((left, place) => left - seats[place]!.weight, this.#ends.at(-1) ?? 0);
    let drawn = this.#random() * range;
    for (const place of tried) if (drawn >= this.#ends[place]! - seats[place]!.weight) drawn += seats[place]!.weight;
    let place = this.#placeOf(drawn);
    while (tried.includes(place)) place = (place + 1) % seats.length; // rounding can let a draw fall on the border
    return seats[place];
  }

  #sum(seats: readonly Seat[]): void {
    let sum = 0;
    this.#ends = seats.map(({ weight }) => (sum += weight));
    this.#summed = seats;
  }

  /** The first place whose part ends beyond `drawn`; the last one when rounding has carried it past the end. */
  #placeOf(drawn: number): number {
    let low = 0;
    let high = this.#ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
