/**
 * How many of an endpoint's last calls failed, or were slow: what opens its circuit beside failures in a row, where a user has set shares for
 * that. Decides nothing but that, and ages by itself (window.ts).
 */
import { Window } from './window.js';

export interface RateOptions {
  /** So many of a hundred calls may fail, or be slow, within the last `spanMs`, judged from `minCalls` on. Absent: any. */
  readonly failurePercent?: number | undefined;
  readonly slow?: { readonly ms: number; readonly percent: number } | undefined;
  readonly spanMs: number;
  readonly minCalls: number;
}

/** A share is set. Looked at with each call: that can change at any time. */
export const judgesRates = ({ failurePercent = Infinity, slow }: RateOptions): boolean =>
  failurePercent !== Infinity || slow !== undefined;

export class Rates {
  readonly #options: RateOptions;
  readonly #calls: Window;
  readonly #failed: Window;
  readonly #slow: Window;

  constructor(options: RateOptions) {
    this.#options = options;
    this.#calls = new Window(options.spanMs);
    this.#failed = new Window(options.spanMs);
    this.#slow = new Window(options.spanMs);
  }

  /** One more call. The answer: the share that is too large by now, in words. */
  count(now: number, failed: boolean, slow: boolean): string | undefined {
    const { failurePercent = Infinity, slow: slowness, spanMs, minCalls } = this.#options;
    this.#calls.add(now);
    if (failed) this.#failed.add(now);
    if (slow) this.#slow.add(now);
    const calls = this.#calls.total(now);
    if (calls < minCalls) return undefined;
    const within = `of ${calls} calls in ${spanMs / 1_000} s`;
    const failures = this.#failed.total(now);
    if (failures * 100 >= failurePercent * calls) return `${failures} ${within} failed`;
    const slows = this.#slow.total(now);
    if (slowness !== undefined && slows * 100 >= slowness.percent * calls)
      return `${slows} ${within} took ${slowness.ms} ms or longer`;
    return undefined;
  }
}
