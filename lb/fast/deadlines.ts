/**
 * One timer for everything that may take too long in this lane. Who begins to wait says by when something is due, which costs a
 * comparison; the timer is set anew only if that is sooner than all else. When it rings, everybody is looked at, and tells what is due
 * next. A wait that ends in time need not say so.
 *
 * The loop rings before it reads. Where the process was held up (no CPU, SIGSTOP, a machine asleep), what is overdue may lie there since long:
 * it is read first.
 */
import { longestTimerMs } from '../alarm.js';
import type { Clock } from '../ports.js';

/** Everybody is looked at no more often than this. */
const pauseMs = 5;

export class Deadlines {
  readonly #clock: Clock;
  readonly #look: (now: number) => number;
  readonly #afterReads: (run: () => void) => void;
  #next = Infinity;
  #stop: () => void = () => undefined;

  /** `look` acts on what is overdue, and says by when something is due next: Infinity if nothing is. */
  constructor(clock: Clock, look: (now: number) => number, afterReads: (run: () => void) => void) {
    this.#clock = clock;
    this.#look = look;
    this.#afterReads = afterReads;
  }

  /** Something is due at `at`. */
  by(at: number): void {
    if (at < this.#next) this.#set(at, this.#clock.now());
  }

  end(): void {
    this.#stop();
    this.#next = -Infinity;
  }

  #set(at: number, now: number): void {
    this.#next = at;
    this.#stop();
    this.#stop = this.#clock.after(Math.min(Math.max(at - now, pauseMs), longestTimerMs), () => this.#afterReads(this.#ring));
  }

  readonly #ring = (): void => {
    if (this.#next === -Infinity) return;
    const now = this.#clock.now();
    this.#next = Infinity;
    const next = this.#look(now);
    if (next < this.#next) this.#set(next, now);
  };
}
