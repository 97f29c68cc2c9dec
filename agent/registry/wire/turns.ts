/**
 * Long work in pieces: so much at a time, and then everybody else of this process has a turn. A list of 100,000 names, or as many events after
 * a reconnect, would else stop the event loop for as long as they take, with all that those who hear of them do.
 */
import type { Clock } from './ports.js';

/** Work that can rest at each `yield`. */
export type Pieces<T = void> = Generator<void, T, void>;

/** What is left of 20 ms when the garbage of it is collected too. */
const TURN_MS = 5;

export class Turns {
  readonly #clock: Clock;
  #endsAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Enough was done in this turn of the event loop. */
  get isOver(): boolean {
    const now = this.#clock.now();
    if (this.#endsAt === undefined) {
      this.#endsAt = now + TURN_MS;
      this.#clock.after(0, () => (this.#endsAt = undefined));
    }
    return now >= this.#endsAt;
  }

  /** As soon as others had theirs. Keeps the process alive until then, which a socket that nobody reads from does not. */
  next(run: () => void): void {
    void this.#clock.sleep(0, new AbortController().signal).then(run);
  }

  /** At once as far as it comes, and the rest later. */
  run(work: Pieces): void {
    while (!this.isOver) if (work.next().done === true) return;
    this.next(() => this.run(work));
  }
}

/** In one go. */
export function whole<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
