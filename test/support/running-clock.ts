/**
 * Real time, of which only that counts in which this process runs. On a busy machine it may stand still for seconds; a limit of the data path
 * would then ring before what has come in the meantime is read, and a test of short limits would see the machine fail and not the code.
 *
 * Time goes on by one step in each turn of the event loop that finds a step's time over, however long it has really been; and what is due
 * rings after what has come was read. So between the setting of an alarm and its ring there are as many turns as it has steps.
 */
import type { Clock } from '../../lb/ports.js';
import { everyBy } from './clock.js';

const STEP_MS = 5;

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

class RunningClock implements Clock {
  #steps = 0;
  #steppedAt = 0;
  #alarms = new Set<Alarm>();
  #sleepers = 0;
  #ticker: NodeJS.Timeout | undefined;

  now(): number {
    const since = this.#ticker === undefined ? 0 : performance.now() - this.#steppedAt;
    return this.#steps * STEP_MS + Math.min(since, STEP_MS - 0.001);
  }

  wall(): number {
    return Date.now();
  }

  after(ms: number, run: () => void): () => void {
    this.#tick();
    const alarm = { at: this.now() + ms, ring: run };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  every(ms: number, run: () => void): () => void {
    return everyBy((later) => this.after(ms, later), run);
  }

  /** Keeps this process alive, as a timer does. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    let stop = (): void => undefined;
    let abort = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        abort = () => reject(signal?.reason as Error);
        signal?.addEventListener('abort', abort);
        stop = this.after(ms, resolve);
        if (this.#sleepers++ === 0) this.#ticker!.ref();
      });
    } finally {
      signal?.removeEventListener('abort', abort);
      stop();
      if (--this.#sleepers === 0) this.#ticker!.unref();
    }
  }

  #tick(): void {
    if (this.#ticker !== undefined) return;
    this.#steppedAt = performance.now();
    this.#ticker = setInterval(() => this.#step(), STEP_MS).unref();
  }

  #step(): void {
    this.#steps++;
    this.#steppedAt = performance.now();
    const now = this.#steps * STEP_MS;
    const due = [...this.#alarms].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    for (const alarm of due)
      setImmediate(() => {
        if (this.#alarms.delete(alarm)) alarm.ring();
      });
  }
}

export const clock: Clock = new RunningClock();
