/**
 * How long one turn of the event loop takes: looks at the clocks in every turn, and keeps the longest. Looks without garbage, which would have to be
 * collected in the turns that are measured. Tells of the turn that computed most, and of the one that was longest by the clock, what they went for: what
 * the thread computed itself, how long it could have gone on and had no core, and how long it slept in the kernel (a page that had to come, a helper of
 * V8's); and how much of all that V8 collected garbage.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;
const [SPACE, ZERO, LONGEST] = [32, 48, 64];

/** Milliseconds. `cpu`: of the event loop's thread; where that is not told, of all threads. */
class Turn {
  at = 0;
  wall = 0;
  cpu = 0;
  coreless = 0;

  become({ at, wall, cpu, coreless }: Turn): void {
    [this.at, this.wall, this.cpu, this.coreless] = [at, wall, cpu, coreless];
  }

  inWords(collected: readonly (readonly [from: number, to: number])[]): string {
    const { at, wall, cpu, coreless } = this;
    const within = ([from, to]: readonly [number, number]): number => Math.max(0, Math.min(to, at + wall) - Math.max(from, at));
    const garbage = collected.reduce((sum, one) => sum + within(one), 0);
    const [all, computed, waited, asleep, ofIt] = [wall, cpu, coreless, Math.max(0, wall - cpu - coreless), garbage].map((ms) =>
      ms.toFixed(1),
    );
    return `${computed} ms of CPU, ${all} by the clock: ${waited} without a core, ${asleep} asleep; ${ofIt} of all for garbage`;
  }
}

export class TurnMeter {
  readonly #busiest = new Turn();
  readonly #longest = new Turn();
  readonly #file = existsSync(SCHEDULED) ? openSync(SCHEDULED, 'r') : undefined;
  readonly #text = Buffer.alloc(LONGEST);
  readonly #collected: (readonly [from: number, to: number])[] = [];
  readonly #observer = new PerformanceObserver((list) => this.#keep(list.getEntries()));
  /** In all. */
  #computed = 0;
  #coreless = 0;
  #isOver = false;

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#look();
    let [at, computed, coreless] = [performance.now(), this.#computed, this.#coreless];
    const turn = new Turn();
    const look = (): void => {
      if (this.#isOver) return;
      this.#look();
      const now = performance.now();
      [turn.at, turn.wall] = [at, now - at];
      [turn.cpu, turn.coreless] = [this.#computed - computed, this.#coreless - coreless];
      if (turn.cpu > this.#busiest.cpu) this.#busiest.become(turn);
      if (turn.wall > this.#longest.wall) this.#longest.become(turn);
      [at, computed, coreless] = [now, this.#computed, this.#coreless];
      setImmediate(look);
    };
    setImmediate(look);
  }

  end(): string {
    this.#isOver = true;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#keep(this.#observer.takeRecords());
    this.#observer.disconnect();
    const [busiest, longest] = [this.#busiest, this.#longest].map((turn) => turn.inWords(this.#collected));
    return `the busiest turn took ${busiest}; the longest ${longest}`;
  }

  #keep(entries: readonly { readonly startTime: number; readonly duration: number }[]): void {
    for (const { startTime, duration } of entries) this.#collected.push([startTime, startTime + duration]);
  }

  #look(): void {
    const { user } = process.cpuUsage(); // the kernel brings its count of the thread to this moment, not only to its last tick
    if (this.#file === undefined) {
      this.#computed = user / 1_000;
      return;
    }
    readSync(this.#file, this.#text, 0, LONGEST, 0);
    let at = 0;
    const next = (): number => {
      let nanoseconds = 0;
      for (; this.#text[at] !== SPACE; at++) nanoseconds = nanoseconds * 10 + this.#text[at]! - ZERO;
      at++;
      return nanoseconds / 1e6;
    };
    this.#computed = next();
    this.#coreless = next();
  }
}
