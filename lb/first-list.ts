/** Calls that wait for the first list of their upstream: a few, for a while. */
import type { Clock } from './ports.js';

export class FirstList {
  /** A list has come, be it empty. */
  here = false;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves true as soon as it is here (at once if it is); false after `ms` without. */
  wait(ms: number): Promise<boolean> {
    if (this.here) return Promise.resolve(true);
    return new Promise((resolve) => {
      const listed = (): void => (stop(), resolve(true));
      const stop = this.#clock.after(ms, () => (this.#waiting.delete(listed), resolve(false)));
      this.#waiting.add(listed);
    });
  }

  came(): void {
    this.here = true;
    for (const listed of this.#waiting) listed();
    this.#waiting.clear();
  }
}
