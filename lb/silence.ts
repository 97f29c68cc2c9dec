import type { Clock } from './ports.js';

/** Whom we wait for can change at any time, so nobody's limit is waited for at a stretch. */
const lookMs = 1_000;

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

  constructor(clock: Clock, limit: () => number | undefined, broken: () => void) {
    this.#clock = clock;
    this.#limit = limit;
    this.#broken = broken;
    this.#movedAt = clock.now();
    this.#look();
  }

  /** Something moved, or began to be waited for. */
  moved(): void {
    this.#movedAt = this.#clock.now();
  }

  end(): void {
    this.#stop();
  }

  #look(): void {
    const left = (this.#limit() ?? Infinity) - (this.#clock.now() - this.#movedAt);
    if (left <= 0) return this.#broken();
    this.#stop = this.#clock.after(Math.min(left, lookMs), () => this.#look());
  }
}
