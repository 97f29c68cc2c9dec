/**
 * How long to wait before the servers are asked again: a time drawn from all of a window (full jitter), which doubles with each round
 * without a session and is small again only after a session was confirmed by an answer. So a server that lets everybody in and throws
 * everybody out again is not stormed.
 */
import type { Random } from './ports.js';

/** The first wait is that for another server, after one was lost: it is short, and yet no herd arrives at the same moment. */
const FIRST_MS = 20;
const LONGEST_MS = 10_000;
/** As the Java client does it: a session that is held is to be kept, and nobody makes a new one. */
const LONGEST_HELD_MS = 1_000;

export class Backoff {
  readonly #random: Random;
  readonly #longestMs: number;
  #failures = 0;

  /** `timeoutMs`: of the session. A pause is shorter, so that whoever is gone with an outage is back before servers end what he had. */
  constructor(random: Random, timeoutMs: number) {
    this.#random = random;
    this.#longestMs = Math.min(LONGEST_MS, timeoutMs / 3);
  }

  /** `isHeld`: there is a session that may still live. */
  next(isHeld: boolean): number {
    const longest = isHeld ? Math.min(LONGEST_HELD_MS, this.#longestMs) : this.#longestMs;
    const window = Math.min(longest, FIRST_MS * 2 ** Math.min(this.#failures++, 20));
    return this.#random() * window;
  }

  confirmed(): void {
    this.#failures = 0;
  }
}
