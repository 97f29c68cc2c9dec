/**
 * A scripted endpoint: so many calls at one time, the others in line; each takes a time that is drawn around a mean. How it is may be
 * changed at any moment: slower, dead, answering 500, losing some calls.
 */
import type { Endpoint } from '../../lb/endpoint.js';
import type { World } from './world.js';

export interface How {
  /** Mean time of a call's work. */
  readonly workMs: number;
  /** Nobody listens any more. */
  readonly dead?: boolean;
  /** The part of the calls that are answered with 500, at once. */
  readonly bad?: number;
  /** The part of the calls that are never answered. */
  readonly silent?: number;
}

export type Answered = 'refused' | 'ok' | 'bad';

export class Server {
  readonly endpoint: Endpoint;
  how: How;
  /** Calls that were given to it, and the most that it held at one time. */
  served = 0;
  held = 0;
  mostHeld = 0;
  readonly #world: World;
  readonly #workers: number;
  #working = 0;
  readonly #line: (() => void)[] = [];

  constructor(world: World, endpoint: Endpoint, how: How, workers: number) {
    this.#world = world;
    this.endpoint = endpoint;
    this.how = how;
    this.#workers = workers;
  }

  /** Calls back once, or never. */
  call(done: (answered: Answered) => void): void {
    const { dead = false, bad = 0, silent = 0 } = this.how;
    if (dead) return void this.#world.after(0.5, () => done('refused'));
    this.served++;
    if (silent > 0 && this.#world.random() < silent) return;
    if (bad > 0 && this.#world.random() < bad) return void this.#world.after(1, () => done('bad'));
    this.held++;
    this.mostHeld = Math.max(this.mostHeld, this.held);
    const begin = (): void => {
      this.#working++;
      this.#world.after(this.#workMs(), () => {
        this.#working--;
        this.held--;
        this.#line.shift()?.();
        done('ok');
      });
    };
    if (this.#working < this.#workers) begin();
    else this.#line.push(begin);
  }

  /** Half of it the same for all, half by chance: as most services are. */
  #workMs(): number {
    const { workMs } = this.how;
    return workMs / 2 + this.#world.exponential(workMs / 2);
  }
}
