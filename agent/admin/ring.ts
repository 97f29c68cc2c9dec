/** The last transitions, in memory, for `GET /events`. Steps and calls stay out: they would push out what a person looks for. */
import type { Fact } from '../events.js';
import { isTransition, tell, type Told } from '../sentences.js';

export interface Event extends Told {
  /** Milliseconds since 1970. */
  readonly at: number;
}

export const MOST_EVENTS = 1_000;

export class Ring {
  readonly #slots: Event[] = [];
  /** Where the next one goes once every slot is taken, which is where the oldest stands. */
  #next = 0;
  readonly #wall: () => number;
  readonly #most: number;

  constructor(wall: () => number, most: number = MOST_EVENTS) {
    this.#wall = wall;
    this.#most = most;
  }

  add(fact: Fact): void {
    if (!isTransition(fact.kind)) return;
    this.#slots[this.#next] = { at: this.#wall(), ...tell(fact) };
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Oldest first. */
  list(): readonly Event[] {
    return [...this.#slots.slice(this.#next), ...this.#slots.slice(0, this.#next)];
  }
}
