/**
 * How long to wait after a failure or a heal: by chance, and longer the more often it was needed lately, so that two who fight over a node do
 * it slowly. Told the time; owns no timer.
 */
import type { Random } from '../system.js';

export const PAUSE_FIRST_MS = 100;
const PAUSE_MOST_MS = 10_000;
/** A setback that is further back than this is forgotten. */
const STEADY_MS = 60_000;

export class Setbacks {
  readonly #random: Random;
  #count = 0;
  #at = -Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The last one. */
  get at(): number {
    return this.#at;
  }

  /** One more; answers with the pause, in milliseconds. */
  met(now: number): number {
    this.#count = now - this.#at > STEADY_MS ? 1 : this.#count + 1;
    this.#at = now;
    return Math.round(this.#random() * Math.min(PAUSE_MOST_MS, PAUSE_FIRST_MS * 2 ** this.#count));
  }
}
