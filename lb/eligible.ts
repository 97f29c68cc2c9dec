/** The seats that may get a call, side by side so that one can be drawn by its place. Gathered anew at the first draw after a change. */
import type { Seat } from './balancer.js';

export class EligibleSeats {
  #all: readonly Seat[] = [];
  #eligible: readonly Seat[] | undefined;
  #places = new Map<string, number>();

  update(seats: readonly Seat[]): void {
    this.#all = seats;
    this.changed();
  }

  changed(): void {
    this.#eligible = undefined;
  }

  /** The same array until something changes. */
  get list(): readonly Seat[] {
    if (this.#eligible === undefined) {
      this.#eligible = this.#all.filter(({ eligible, weight }) => eligible && weight > 0);
      this.#places = new Map(this.#eligible.map(({ endpoint }, place) => [endpoint.id, place]));
    }
    return this.#eligible;
  }

  /** Where the tried ones stand in `list`, in ascending order, each once. */
  placesOf(tried: readonly string[]): readonly number[] {
    if (tried.length === 0) return none;
    const places = new Set(tried.map((id) => this.#places.get(id)).filter((place) => place !== undefined));
    return [...places].sort((a, b) => a - b);
  }
}

const none: readonly number[] = [];
