/**
 * How many second sends an upstream may cost. Over a sliding window the retries may be a share of the calls plus a floor, so that
 * a quiet caller can still repeat and a failing service is not hit with a multiple of its load. What is there may be spent at once.
 * The idea is Finagle's; the window ages by itself, so credit cannot be hoarded through a quiet night.
 */
import { Window } from './window.js';

export interface BudgetOptions {
  /** 0 to 100: retries for every hundred calls. */
  readonly percent: number;
  /** Retries that are there however few the calls. */
  readonly floor: number;
  readonly spanMs: number;
}

export const defaultBudget: BudgetOptions = { percent: 20, floor: 30, spanMs: 10_000 };

export class RetryBudget {
  /** May be changed: what was spent stays spent. */
  percent: number;
  readonly #floor: number;
  readonly #calls: Window;
  readonly #retries: Window;

  constructor({ percent, floor, spanMs }: BudgetOptions = defaultBudget) {
    this.percent = percent;
    this.#floor = floor;
    this.#calls = new Window(spanMs);
    this.#retries = new Window(spanMs);
  }

  /** A call has come in. Once for each call, not for each attempt. */
  called(now: number): void {
    this.#calls.add(now);
  }

  /** One retry is left, of the whole or of a part (0 to 1) of it. */
  has(now: number, part = 1): boolean {
    return this.#retries.total(now) + 1 <= part * ((this.#calls.total(now) * this.percent) / 100 + this.#floor);
  }

  /** Takes one retry out. False, and nothing taken, when the window, or that part of it, has no more. */
  spend(now: number, part = 1): boolean {
    const has = this.has(now, part);
    if (has) this.#retries.add(now);
    return has;
  }

  /** A retry that was paid for could not be sent after all. */
  giveBack(now: number): void {
    this.#retries.add(now, -1);
  }

  /** Retries for every hundred calls of the window; 0 when there were no calls. */
  usedPercent(now: number): number {
    const calls = this.#calls.total(now);
    return calls === 0 ? 0 : (Math.max(0, this.#retries.total(now)) * 100) / calls; // what is given back may outlive its payment
  }
}
