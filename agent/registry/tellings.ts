/**
 * Lists that are to be told, of all watchers, each once however often it was asked for: what was heard within one turn of the event loop is one
 * change. What those who hear do with a long list takes milliseconds, so after a few of them everybody else has a turn.
 */
import type { Clock } from '../system.js';

const TURN_MS = 5;

export class Tellings {
  readonly #clock: Clock;
  readonly #due = new Set<() => void>();
  #isSet = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In the next turn, or one of those after it. */
  soon(tell: () => void): void {
    this.#due.add(tell);
    this.#later();
  }

  cancel(tell: () => void): void {
    this.#due.delete(tell);
  }

  #later(): void {
    if (this.#isSet || this.#due.size === 0) return;
    this.#isSet = true;
    this.#clock.after(0, () => {
      this.#isSet = false;
      this.#turn();
    });
  }

  #turn(): void {
    const endsAt = this.#clock.now() + TURN_MS;
    for (const tell of this.#due) {
      this.#due.delete(tell);
      tell();
      if (this.#clock.now() >= endsAt) break;
    }
    this.#later();
  }
}
