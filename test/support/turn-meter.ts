/**
 * How long one turn of the event loop takes: looks at the clocks in every turn, and keeps the longest. Looks without garbage, which would have to be
 * collected in the turns that are measured.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';

const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;
const [SPACE, ZERO, LONGEST] = [32, 48, 64];

export class TurnMeter {
  /** Milliseconds of the CPU, of the event loop's thread; where that is not told, of all threads. */
  cpu = 0;
  /** Milliseconds by the clock. */
  wall = 0;
  readonly #file = existsSync(SCHEDULED) ? openSync(SCHEDULED, 'r') : undefined;
  readonly #text = Buffer.alloc(LONGEST);
  #isOver = false;

  constructor() {
    let [at, used] = [performance.now(), this.#computed()];
    const look = (): void => {
      if (this.#isOver) return;
      const [now, spent] = [performance.now(), this.#computed()];
      this.cpu = Math.max(this.cpu, spent - used);
      this.wall = Math.max(this.wall, now - at);
      [at, used] = [now, spent];
      setImmediate(look);
    };
    setImmediate(look);
  }

  end(): string {
    this.#isOver = true;
    if (this.#file !== undefined) closeSync(this.#file);
    return `the longest turn took ${this.cpu.toFixed(1)} ms of CPU, ${this.wall.toFixed(1)} ms by the clock`;
  }

  #computed(): number {
    const { user } = process.cpuUsage(); // the kernel brings its count of the thread to this moment, not only to its last tick
    if (this.#file === undefined) return user / 1_000;
    readSync(this.#file, this.#text, 0, LONGEST, 0);
    let nanoseconds = 0;
    for (let at = 0; this.#text[at] !== SPACE; at++) nanoseconds = nanoseconds * 10 + this.#text[at]! - ZERO;
    return nanoseconds / 1e6;
  }
}
