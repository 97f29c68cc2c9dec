/**
 * The clock of this lane. What is worked on together has one time, that at which the work began: to look at the real clock for each message
 * costs more than to choose an endpoint for it.
 */
import type { Clock } from '../ports.js';

const notHeld = -1;

export class TurnClock implements Pick<Clock, 'now' | 'wall' | 'after'> {
  readonly #clock: Clock;
  #heldAt = notHeld;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#heldAt === notHeld ? this.#clock.now() : this.#heldAt;
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(ms: number, run: () => void): () => void {
    return this.#clock.after(ms, run);
  }

  /** It stands still until `release`. */
  hold(): void {
    this.#heldAt = this.#clock.now();
  }

  release(): void {
    this.#heldAt = notHeld;
  }
}
