/**
 * Power of two choices (Mitzenmacher): of two seats drawn by chance, the one with more weight for each call it carries. Looking at
 * two, not at all, is O(1) and keeps a fleet of callers from running to the same idle endpoint.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import { EligibleSeats } from './eligible.js';
import type { Random } from './ports.js';

export class LeastRequest implements Balancer {
  readonly #random: Random;
  readonly #seats = new EligibleSeats();

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
    const tried = this.#seats.placesOf(ask.tried);
    const left = seats.length - tried.length;
    if (left === 0) return undefined;
    const one = Math.floor(this.#random() * left);
    if (left === 1) return seats[past(tried, one)];
    const other = Math.floor(this.#random() * (left - 1));
    const first = seats[past(tried, one)]!;
    const second = seats[past(tried, other >= one ? other + 1 : other)]!;
    return room(second) > room(first) ? second : first;
  }
}

const room = ({ weight, active }: Seat): number => weight / (active + 1);

/** The place of the nth seat when those at `skipped` (ascending) are not counted. */
const past = (skipped: readonly number[], nth: number): number => {
  let place = nth;
  for (const taken of skipped) if (place >= taken) place++;
  return place;
};
