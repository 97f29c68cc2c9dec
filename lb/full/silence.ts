import type { Clock } from '../ports.js';
import { alarm } from './alarm.js';

/**
 * Watches a call for silence. One timer for the whole of it, which is set on lazily: a byte that passes costs a look at the clock and
 * nothing else. `limit` says how long silence may last as things stand: undefined while there is nobody to wait for.
 */
export class Silence {
  readonly #clock: Clock;
  readonly #limit: () => number | undefined;
  readonly #broken: () => void;
  #movedAt: number;
  #stop: () => void = () => undefined;

  /** `lookMs`: how soon to look again while there is no limit. */
  constructor(clock: Clock, limit: () => number | undefined, broken: () => void, lookMs = 1_000) {
    this.#clock = clock;
    this.#limit = limit;
    this.#broken = broken;
    this.#movedAt = clock.now();
    this.#look(lookMs);
  }

  /** Something moved, or began to be waited for. */
  moved(): void {
    this.#movedAt = this.#clock.now();
  }

  end(): void {
    this.#stop();
  }

  #look(lookMs: number): void {
    const limit = this.#limit();
    const quiet = this.#clock.now() - this.#movedAt;
    if (limit !== undefined && quiet >= limit) return this.#broken();
    this.#stop = alarm(this.#clock, limit === undefined ? lookMs : limit - quiet, () => this.#look(lookMs));
  }
}
