/**
 * Long work in pieces: so much at a time, and then everybody else of this process has a turn. A list of 100,000 names, or as many events after
 * a reconnect, would else stop the event loop for as long as they take, with all that those who hear of them do.
 */
import type { Clock } from './ports.js';

/** Work that can rest at each `yield`. */
export type Pieces<T = void> = Generator<void, T, void>;

/** What is left of 20 ms when the garbage of it is collected too. */
const TURN_MS = 5;
/** Pieces that are done before those who waited for them go on: what they do costs more than the pieces, and belongs to the same turn. */
export const AT_ONCE = 16;

export class Turns {
  readonly #clock: Clock;
  #endsAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Enough was done in this turn of the event loop. */
  get isOver(): boolean {
    const now = this.#clock.now();
    this.begin(now);
    return now >= this.#endsAt!;
  }

  /** What is done from now on counts, in pieces or not. */
  begin(now = this.#clock.now()): void {
    if (this.#endsAt !== undefined) return;
    this.#endsAt = now + TURN_MS;
    const end = (): void => void (this.#endsAt = undefined);
    if (this.#clock.turnEnds) this.#clock.turnEnds(end);
    else this.#clock.after(0, end);
  }

  /**
   * In this turn, behind those who wait for what was done; or, when it is over, as soon as others had theirs. Keeps the process alive until then,
   * which a socket that nobody reads from does not.
   */
  next(run: () => void): void {
    if (!this.isOver) queueMicrotask(run);
    else void this.#clock.sleep(0, new AbortController().signal).then(run);
  }

  /** At once as far as it comes, and the rest later. */
  run(work: Pieces): void {
    for (let done = 0; done < AT_ONCE && !this.isOver; done++) if (work.next().done === true) return;
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
