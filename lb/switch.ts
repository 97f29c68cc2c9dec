/**
 * A balancer that can become another while calls go on: a policy is changed, and who sits there stays, with circuit and count. The new one
 * begins with all seats as they are; what the old one knew of turns and latencies goes with it.
 */
import { sharesOf, type Ask, type Balancer, type Crowd, type Seat } from './balancer.js';
import type { Outcome } from './outcome.js';

export class Switch implements Balancer {
  #present: Balancer;
  #seats: readonly Seat[] = [];

  constructor(first: Balancer) {
    this.#present = first;
  }

  to(next: Balancer): void {
    next.update(this.#seats);
    this.#present.end?.();
    this.#present = next;
  }

  /** What it was made with, and reads with each use, has been changed. */
  reconsider(): void {
    this.#present.update(this.#seats);
  }

  get evenly(): boolean {
    return this.#present.evenly ?? false;
  }

  update(seats: readonly Seat[]): void {
    this.#seats = seats;
    this.#present.update(seats);
  }

  changed(seat: Seat): void {
    this.#present.changed(seat);
  }

  pick(ask: Ask, now: number): Seat | undefined {
    return this.#present.pick(ask, now);
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.#present.seen?.(seat, outcome, now);
  }

  shares(ask?: Ask): ReadonlyMap<Seat, number> {
    return sharesOf(this.#present, this.#seats, ask);
  }

  note(seat: Seat, ask?: Ask): string | undefined {
    return this.#present.note?.(seat, ask);
  }

  fits(ask: Ask, seat: Seat): boolean {
    return this.#present.fits?.(ask, seat) ?? true;
  }

  home(ask: Ask, seat: Seat): boolean {
    return this.#present.home?.(ask, seat) ?? false;
  }

  crowd(ask: Ask): Crowd | undefined {
    return this.#present.crowd?.(ask);
  }

  lacks(ask: Ask): string | undefined {
    return this.#present.lacks?.(ask);
  }
}
