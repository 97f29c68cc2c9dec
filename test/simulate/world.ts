/**
 * Time and chance of a simulation: a queue of what is still to happen, in order, and a clock that jumps from one to the next. It is the
 * clock that the real deciders are given, so nothing in them knows that it is played with.
 */
import { Heap, type Placed } from '../../lb/heap.js';
import type { Clock, Random } from '../../lb/ports.js';
import { seeded } from '../support/random.js';

interface Event extends Placed {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class World implements Clock {
  readonly random: Random;
  #now = 0;
  #order = 0;
  readonly #events = new Heap<Event>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.#now + ms, order: this.#order++, run, place: -1 };
    this.#events.add(event);
    return () => this.#events.remove(event);
  }

  every(ms: number, run: () => void): () => void {
    let stop = (): void => undefined;
    const again = (): void => {
      stop = this.after(ms, () => (again(), run()));
    };
    again();
    return () => stop();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Lets everything happen that is due before `until`. */
  run(until: number): void {
    for (let event = this.#events.first; event !== undefined && event.at <= until; event = this.#events.first) {
      this.#events.remove(event);
      this.#now = event.at;
      event.run();
    }
    this.#now = until;
  }

  /** A time that is as likely to end at any moment as at any other, of this mean. */
  exponential(meanMs: number): number {
    return -meanMs * Math.log(1 - this.random());
  }
}
