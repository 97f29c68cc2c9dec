import type { Clock } from '../system.js';

/** One timer for one thing that is to be done: the earliest time asked for wins, and what is due is done at once. */
export class Alarm {
  readonly #clock: Clock;
  readonly #run: () => void;
  #set: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Monotonic milliseconds. A time that has come runs within this call. */
  at(time: number): void {
    const now = this.#clock.now();
    if (time > now && this.#set && this.#set.at <= time) return;
    this.cancel();
    if (time <= now) return this.#run();
    const cancel = this.#clock.after(time - now, () => {
      this.#set = undefined;
      this.#run();
    });
    this.#set = { at: time, cancel };
  }

  in(ms: number): void {
    this.at(this.#clock.now() + ms);
  }

  cancel(): void {
    this.#set?.cancel();
    this.#set = undefined;
  }
}
