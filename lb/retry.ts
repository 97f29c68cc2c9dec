/**
 * May a failed attempt be sent again, and after which pause? Decides by the table of failures (errors.ts), by how much of the
 * request had left us, and by the budget. It does not know endpoints: who is asked next is the upstream's affair.
 *
 * Two allowances, apart from each other but paid from one budget:
 * - sends of which nothing was written go to up to three endpoints, the first at once: the dead endpoint cost nobody anything;
 * - sends of which something was written are repeated up to `retries` times, when the method can be repeated and the body is
 *   still whole, after a pause (exponential, full jitter, as in the AWS builders' library).
 */
import type { RetryBudget } from './budget.js';
import { failures, type FailureCode } from './errors.js';
import type { Random } from './ports.js';
import type { UpstreamStats } from './stats.js';

/** What is asked for is known to have the same effect once or twice (RFC 9110, 9.2.2). */
export const isIdempotent = (method: string): boolean => idempotent.has(method);
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Where a call stands after an attempt has failed. Nothing of its answer has been sent to the app. */
export interface CallSoFar {
  readonly idempotent: boolean;
  /** The request is still held whole, body and all. */
  readonly replayable: boolean;
  /** Attempts so far of which something was written, this one included if it was. */
  readonly attempt: number;
  /** Attempts so far of which nothing was written, this one included if so. */
  readonly unsentTries: number;
  /** How often this call may be repeated after something was written. */
  readonly retries: number;
}

export interface FailedAttempt {
  readonly code: FailureCode;
  /** How much of the request was handed to the endpoint's connection. */
  readonly sent: 'nothing' | 'some' | 'all';
}

const mostUnsentTries = 3;
const firstPauseMs = 25;
const longestPauseMs = 250;
/** The budget has recovered when it has refused nobody for so long: at its edge every second call is refused. */
const quietMs = 10_000;

export class RetryDecider {
  readonly #parts: { budget: RetryBudget; random: Random; stats: UpstreamStats; exhausted: () => void };
  #refusedAt = -Infinity;

  /** `exhausted` is told when the budget refuses, once until it has recovered. */
  constructor(parts: { budget: RetryBudget; random: Random; stats: UpstreamStats; exhausted: () => void }) {
    this.#parts = parts;
  }

  /**
   * Milliseconds to wait before the next attempt, or undefined: this failure is final. The retry is paid for at once; if the upstream
   * then has nobody to send it to, the upstream gives it back.
   */
  next(call: CallSoFar, failed: FailedAttempt, now: number): number | undefined {
    if (!this.#maySend(call, failed)) return undefined;
    const { budget, random, stats, exhausted } = this.#parts;
    if (!budget.spend(now)) {
      stats.retryOverflow++;
      if (now - this.#refusedAt >= quietMs) exhausted();
      this.#refusedAt = now;
      return undefined;
    }
    if (failed.sent === 'nothing' && call.unsentTries === 1) return 0;
    return random() * Math.min(firstPauseMs * 2 ** (call.attempt + call.unsentTries - 1), longestPauseMs);
  }

  #maySend(call: CallSoFar, { code, sent }: FailedAttempt): boolean {
    const { retry } = failures[code];
    if (retry === 'never') return false;
    if (sent === 'nothing') return call.unsentTries < mostUnsentTries;
    return retry === 'idempotent' && call.idempotent && call.replayable && call.attempt <= call.retries;
  }
}
