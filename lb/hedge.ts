/**
 * A second send of a call that is slow, beside the first: after which delay, and whether the budget allows it. The first answer wins. Only
 * calls that are safe (RFC 9110, 9.2.1) and have no body are sent twice. It knows no sockets and no endpoints.
 *
 * The delay is a time, or the 95th percentile of what answers of late took ("The Tail at Scale", Dean and Barroso, 2013): then about
 * one call in twenty is sent twice. When half of the budget is used up no more are sent: the rest is for calls that failed. Times are counted
 * in steps of a fifth, and what was counted weighs half as much every ten seconds.
 */
import type { RetryBudget } from './budget.js';

/** Milliseconds, or the 95th percentile; undefined: no call is sent twice. */
export type Hedge = number | 'p95' | undefined;

export const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';

const halfLifeMs = 10_000;
const step = Math.log(1.2);
const buckets = 90; // up to 1.2^90 ms, which is beyond any timeout
/** They may use so much of the budget: a slow call still has its first send, and one that failed has none. */
const partOfBudget = 0.5;
/** Fewer answers than these have no 95th percentile worth the name. */
const fewest = 20;

export class HedgeDecider {
  readonly #budget: RetryBudget;
  readonly #counts = new Float64Array(buckets);
  #total = 0;
  #halvedAt = -Infinity;
  /** The percentile as it was reckoned last, and the answers since. */
  #p95Ms = 0;
  #since = Infinity;

  constructor(budget: RetryBudget) {
    this.#budget = budget;
  }

  /** An answer's head has come after so long. Need not be told unless the delay is a percentile. */
  seen(ms: number, now: number): void {
    this.#age(now);
    this.#counts[bucketOf(ms)]!++;
    this.#total++;
    this.#since++;
  }

  /** After so long a call is sent a second time; undefined: not at all. */
  delayMs(hedge: Hedge, now: number): number | undefined {
    if (hedge !== 'p95') return hedge;
    this.#age(now);
    if (this.#total < fewest) return undefined;
    if (this.#since * 20 >= this.#total) this.#reckon(); // not for each call: fewer answers than that hardly move it
    return this.#p95Ms;
  }

  #reckon(): void {
    let beyond = this.#total * 0.05;
    let bucket = buckets - 1;
    while (bucket > 0 && (beyond -= this.#counts[bucket]!) >= 0) bucket--;
    this.#p95Ms = upperBound(bucket);
    this.#since = 0;
  }

  /** The second send is due. True: it is paid for; it is given back by the upstream if there is nobody to send it to. */
  maySend(now: number): boolean {
    return this.#budget.spend(now, partOfBudget);
  }

  /** It would be, now. */
  has(now: number): boolean {
    return this.#budget.has(now, partOfBudget);
  }

  #age(now: number): void {
    const halves = Math.floor((now - this.#halvedAt) / halfLifeMs);
    if (halves < 1) return;
    const left = 0.5 ** Math.min(halves, 64);
    this.#total = 0;
    this.#since = Infinity;
    for (let bucket = 0; bucket < buckets; bucket++) this.#total += this.#counts[bucket]! *= left;
    this.#halvedAt = Number.isFinite(this.#halvedAt) ? this.#halvedAt + halves * halfLifeMs : now;
  }
}

const bucketOf = (ms: number): number => Math.min(buckets - 1, Math.max(0, Math.ceil(Math.log(Math.max(ms, 1)) / step)));
const upperBound = (bucket: number): number => Math.ceil(Math.exp(bucket * step));
