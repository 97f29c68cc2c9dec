/**
 * May an attempt be followed by another, and after which pause? Decides by what the user repeats (retry-on.ts), by the table of failures
 * (errors.ts), by how much of the request had left us, by the time that is left, and by the budget. It does not know endpoints: who is
 * asked next is the upstream's affair.
 *
 * Two allowances, apart from each other but paid from one budget:
 * - sends of which nothing was written go to up to three endpoints, the first at once: the dead endpoint cost nobody anything;
 * - sends of which something was written are repeated up to `retries` times, when the call can be repeated and the body is
 *   still whole, after a pause (exponential, full jitter, as in the AWS builders' library). An answer is such a send too: then an endpoint's
 *   Retry-After is the least pause, and one that is too long lets the answer stand.
 */
import type { RetryBudget } from './budget.js';
import { failures, type FailureCode } from './errors.js';
import { isBad } from './outlier.js';
import type { Random } from './ports.js';
import type { RetryOn } from './retry-on.js';
import type { UpstreamStats } from './stats.js';

/** What is asked for is known to have the same effect once or twice (RFC 9110, 9.2.2). */
export const isIdempotent = (method: string): boolean => idempotent.has(method);
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Where a call stands after an attempt. Nothing of its answer has been sent to the app. */
export interface CallSoFar {
  /** Its method says that it may be repeated, or the app does. */
  readonly idempotent: boolean;
  /** The request is still held whole, body and all. */
  readonly replayable: boolean;
  /** Attempts so far of which something was written, this one included if it was. */
  readonly attempt: number;
  /** Attempts so far of which nothing was written, this one included if so. */
  readonly unsentTries: number;
  /** How often this call may be repeated after something was written. */
  readonly retries: number;
  readonly on: RetryOn;
  /** Until the call has to be answered; Infinity where nobody has set an end. */
  readonly leftMs: number;
}

export interface FailedAttempt {
  readonly code: FailureCode;
  /** How much of the request was handed to the endpoint's connection. */
  readonly sent: 'nothing' | 'some' | 'all';
}

export interface AnsweredAttempt {
  readonly status: number;
  /** What the endpoint asks for in Retry-After. */
  readonly retryAfterMs: number | undefined;
  /** It came by a trial (lease.ts). Default: no. */
  readonly onTrial?: boolean;
}

const mostUnsentTries = 3;
const firstPauseMs = 25;
const longestPauseMs = 250;
/** So long a failure may take for which there has to be time besides the retry. */
const soonMs = 1_000;
/** All that another endpoint may be asked after. */
const repeated = (Object.keys(failures) as FailureCode[]).filter((code) => failures[code].retry !== 'never');
/** The budget has recovered when it has refused nobody for so long: at its edge every second call is refused. */
const quietMs = 10_000;
/** An app that is to wait longer had better hear it itself. */
export const longestRetryAfterMs = 5_000;

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
    const first = failed.sent === 'nothing' && call.unsentTries === 1;
    return this.#pay(call, first ? 0 : this.#pause(call), now);
  }

  /** The same after an answer, which is passed on where it is final. One of a trial says nothing of the service, so nobody waits after it. */
  afterAnswer(call: CallSoFar, { status, retryAfterMs = 0, onTrial = false }: AnsweredAttempt, now: number): number | undefined {
    if (!isRepeated(call.on, status, onTrial) || !mayRepeat(call)) return undefined;
    if (onTrial && isBad(status)) return this.#pay(call, 0, now);
    return retryAfterMs > longestRetryAfterMs ? undefined : this.#pay(call, Math.max(this.#pause(call), retryAfterMs), now);
  }

  /**
   * However the next attempt failed, soon and before an answer began, another would follow it: so it may be one that will fail, perhaps. The
   * budget is asked and not paid. `replayable`: the request is still held whole when all of it is sent.
   */
  losesNothing(call: CallSoFar, now: number): boolean {
    const next = { ...call, attempt: call.attempt + 1, unsentTries: call.unsentTries + 1 };
    if (!mayRepeat(next) || next.unsentTries >= mostUnsentTries || call.leftMs <= soonMs + longestPauseMs) return false;
    return repeated.every((code) => call.on.codes.has(code)) && this.#parts.budget.has(now);
  }

  #pause({ attempt, unsentTries }: CallSoFar): number {
    return this.#parts.random() * Math.min(firstPauseMs * 2 ** (attempt + unsentTries - 1), longestPauseMs);
  }

  #pay({ leftMs }: CallSoFar, pauseMs: number, now: number): number | undefined {
    if (pauseMs >= leftMs) return undefined;
    const { budget, stats, exhausted } = this.#parts;
    if (budget.spend(now)) return pauseMs;
    stats.retryOverflow++;
    if (now - this.#refusedAt >= quietMs) exhausted();
    this.#refusedAt = now;
    return undefined;
  }

  #maySend(call: CallSoFar, { code, sent }: FailedAttempt): boolean {
    const { retry } = failures[code];
    if (retry === 'never' || !call.on.codes.has(code)) return false;
    if (sent === 'nothing') return call.unsentTries < mostUnsentTries;
    return retry === 'idempotent' && mayRepeat(call);
  }
}

/** An answer of this status may be kept back while another endpoint is asked: as the user says, and the bad one of a trial. */
export const isRepeated = ({ statuses }: RetryOn, status: number, onTrial: boolean): boolean =>
  statuses?.has(status) === true || (onTrial && isBad(status));

const mayRepeat = ({ idempotent: safe, replayable, attempt, retries }: CallSoFar): boolean =>
  safe && replayable && attempt <= retries;
