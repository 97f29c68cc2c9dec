/**
 * A scripted endpoint: so many calls at one time, the others in line; each takes a time that is drawn around a mean. How it is may be
 * changed at any moment: slower, dead, answering 500, losing some calls. It remembers what its calls were about, as a cache does.
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
  /** Its health page says that it is ill, however well it serves. */
  readonly pageLies?: boolean;
  /** The work of a call about what is new here takes so many times as long. */
  readonly cold?: number;
}

export type Answered = 'refused' | 'ok' | 'bad';

export class Server {
  readonly endpoint: Endpoint;
  how: How;
  /** Calls that were given to it, and the most that it held at one time. */
  served = 0;
  held = 0;
  mostHeld = 0;
  readonly #known = new Set<number>();
  readonly #world: World;
  readonly #workers: number;
  #working = 0;
  readonly #line: (() => void)[] = [];
  /** So many of the line have left it. */
  #gone = 0;

  constructor(world: World, endpoint: Endpoint, how: How, workers: number) {
    this.#world = world;
    this.endpoint = endpoint;
    this.how = how;
    this.#workers = workers;
  }

  /** Whether a call was about this before. */
  knows(key: number): boolean {
    return this.#known.has(key);
  }

  /** Its health page: calls back once, with why it is ill, or never. It waits in no line. */
  check(done: (why: string | undefined) => void): void {
    const { dead = false, bad = 0, silent = 0, pageLies = false } = this.how;
    if (dead) return void this.#world.after(0.5, () => done('refused'));
    if (silent > 0 && this.#world.random() < silent) return;
    const ill = pageLies || (bad > 0 && this.#world.random() < bad);
    this.#world.after(1, () => done(ill ? 'status 500' : undefined));
  }

  /** Calls back once, or never. `key`: what it is about. */
  call(key: number | undefined, done: (answered: Answered) => void): void {
    const { dead = false, bad = 0, silent = 0 } = this.how;
    if (dead) return void this.#world.after(0.5, () => done('refused'));
    this.served++;
    if (silent > 0 && this.#world.random() < silent) return;
    if (bad > 0 && this.#world.random() < bad) return void this.#world.after(1, () => done('bad'));
    this.held++;
    this.mostHeld = Math.max(this.mostHeld, this.held);
    const times = key === undefined || this.#known.has(key) ? 1 : (this.how.cold ?? 1);
    const begin = (): void => {
      this.#working++;
      this.#world.after(this.#workMs() * times, () => {
        if (key !== undefined) this.#known.add(key);
        this.#working--;
        this.held--;
        this.#next()?.();
        done('ok');
      });
    };
    if (this.#working < this.#workers) begin();
    else this.#line.push(begin);
  }

  /** Not by `shift`, which moves all that are behind. */
  #next(): (() => void) | undefined {
    const next = this.#line[this.#gone];
    if (next === undefined) return undefined;
    if (++this.#gone === this.#line.length) this.#gone = this.#line.length = 0;
    return next;
  }

  /** Half of it the same for all, half by chance: as most services are. */
  #workMs(): number {
    const { workMs } = this.how;
    return workMs / 2 + this.#world.exponential(workMs / 2);
  }
}
