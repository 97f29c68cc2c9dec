/**
 * Of two seats drawn by weight, the one that carries fewer calls for its weight; of two that carry alike, the one that was drawn first, so
 * that idle ones get their shares to the call's chance. With equal weights this is `weight / (active + 1)`, the greater the better.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import { Drawable } from './drawable.js';
import type { Random } from './ports.js';
import { loadAt, ofTwo } from './two-choices.js';

export class LeastRequest implements Balancer {
  readonly #random: Random;
  readonly #seats = new Drawable();
  readonly #isBetter = (second: number, first: number): boolean => loadAt(this.#seats, second) < loadAt(this.#seats, first);

  constructor(random: Random) {
    this.#random = random;
  }

  update(seats: readonly Seat[]): void {
    this.#seats.update(seats);
  }

  changed(seat: Seat): void {
    this.#seats.changed(seat);
  }

  pick({ tried }: Ask): Seat | undefined {
    return this.#seats.seats[ofTwo(this.#seats, tried, this.#random, this.#isBetter)];
  }
}
