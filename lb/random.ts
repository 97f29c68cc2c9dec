/** Draws each call's endpoint by chance, in proportion to the weights. Tried ones sit out, so that one draw is always enough. */
import type { Ask, Balancer, Seat } from './balancer.js';
import { Drawable } from './drawable.js';
import type { Random } from './ports.js';

export class WeightedRandom implements Balancer {
  readonly #random: Random;
  readonly #seats = new Drawable();

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
    if (tried.length > 0) this.#seats.setAside(tried);
    const place = this.#seats.any(this.#random);
    if (tried.length > 0) this.#seats.back();
    return this.#seats.seats[place];
  }
}
