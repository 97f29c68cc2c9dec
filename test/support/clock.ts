import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../lb/ports.js';

interface Alarm {
  at: number;
  ring: () => void;
}

/** Time that moves only when the test says so. */
export class FakeClock implements Clock {
  #now = 1_000;
  #alarms: Alarm[] = [];
  readonly #epoch: number;

  /** `epoch`: what `wall()` says at `now() === 0`. */
  constructor(epoch = 1_700_000_000_000) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  /** How many alarms are set. */
  get waiting(): number {
    return this.#alarms.length;
  }

  wall(): number {
    return this.#epoch + this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const alarm = { at: this.#now + ms, ring: run };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  every(ms: number, run: () => void): () => void {
    return everyBy((later) => this.after(ms, later), run);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const abort = (): void => {
        stop();
        reject(signal?.reason as Error);
      };
      const stop = this.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Moves time on, ringing alarms in order and letting each finish its turn first. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await turn();
      const next = this.#alarms.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.at);
      this.#alarms = this.#alarms.filter((other) => other !== next);
      next.ring();
    }
    this.#now = until;
  }
}

/** `every` of a clock, made of its `after`. */
export function everyBy(after: (run: () => void) => () => void, run: () => void): () => void {
  let stop: () => void;
  const again = (): void => {
    stop = after(() => {
      again();
      run();
    });
  };
  again();
  return () => stop();
}
