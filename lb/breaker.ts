/**
 * A circuit breaker for one endpoint. Electrical words: closed lets calls flow, open does not.
 *
 *              `failures` in a row, or
 *              too many of the last failed, or were slow
 *     closed ───────────────────────▶ open ◀──────────────┐
 *       ▲                              │ its time is up,   │ the trial fails:
 *       │                              │ or a connect came │ open again, twice
 *       │ the trial succeeds           ▼ through           │ as long
 *       └────────────────────────── half_open ─────────────┘
 *                                   one trial at a time
 *
 * No timer and no clock: the caller says what time it is. An answer to a call that began before the circuit last changed is no
 * evidence about its new state, so each call carries the epoch in which it began.
 */
import { failures, type FailureCode } from './errors.js';
import type { Outcome } from './outcome.js';
import type { Random } from './ports.js';
import { judgesRates, Rates, type RateOptions } from './rates.js';

export type CircuitState = 'closed' | 'open' | 'half_open';
/** `returned`: the trial said nothing, so that another call may be the trial. `stays_open`: it was an early one, and changed nothing. */
export type CircuitChange = 'opened' | 'closed' | 'returned' | 'stays_open';

export interface BreakerOptions extends RateOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it is open at first; doubles with each failed trial. */
  readonly openMs: number;
  /** The longest, jitter included. */
  readonly maxOpenMs: number;
  /** 0 to 1: the part by which an opening is longer or shorter, so that a fleet's trials do not come as one. */
  readonly jitter: number;
}

export const defaultBreaker: BreakerOptions = {
  failures: 5,
  openMs: 1_000,
  maxOpenMs: 30_000,
  jitter: 0.2,
  spanMs: 10_000,
  minCalls: 20,
};

const noEvidence = -1;
/** Between two trials by calls that lose nothing, and what such a call may lose: the time that the last failure took. */
const earlyMs = 500;
const longestLossMs = 1_000;

export class CircuitBreaker {
  // what each call looks at stands together, and so in one or two lines of memory
  #epoch = 0;
  #openedAt: number | undefined; // undefined while closed
  #trial = false;
  #failures = 0;
  #lastFailure: FailureCode | undefined;
  /** How many of the failures in a row, counted from the last, are of the same kind. */
  #alike = 0;
  readonly #options: BreakerOptions;
  readonly #random: Random;
  #trips = 0;
  #reopenAt = 0;
  /** The next call, or the trial under way, comes before its time. */
  #early = false;
  /** When the last trial failed, or the circuit opened, and how long the last failure took. */
  #failedAt = 0;
  #failedMs = 0;
  /** Kept only where rates are judged, from the first call on for which they are. */
  #rates: Rates | undefined;
  /** What opened it, or keeps it open, where that was no failure in a row, in words. */
  #said: string | undefined;

  constructor(options: BreakerOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  state(now: number): CircuitState {
    if (this.#openedAt === undefined) return 'closed';
    return now < this.#reopenAt ? 'open' : 'half_open';
  }

  /** Would a call be let through now? Asking changes nothing. */
  allows(now: number): boolean {
    return this.#openedAt === undefined || ((now >= this.#reopenAt || this.#early) && !this.#trial);
  }

  /** A call starts; give the answer back to `end`. A call sent although it is not allowed is no evidence of anything. */
  begin(now: number): number {
    if (!this.allows(now)) return noEvidence;
    if (this.#openedAt !== undefined) {
      this.#trial = true;
      this.#epoch++;
    }
    return this.#epoch;
  }

  /** What the call said. The answer: what changed by it. */
  end(epoch: number, outcome: Outcome, now: number): CircuitChange | undefined {
    if (epoch !== this.#epoch) return undefined;
    if (outcome.kind === 'failure') return this.#failed(outcome.code, outcome.ms, now);
    if (outcome.kind === 'success') return this.#succeeded(outcome.ms, now);
    if (outcome.kind === 'outpaced') return this.#outpaced(outcome.ms, now);
    if (!this.#trial) return undefined;
    this.#trial = false;
    return this.#wasEarly() ? 'stays_open' : 'returned';
  }

  /**
   * A connect outside of any call came through: the trial may begin now. True when that made a difference: only to an open circuit
   * whose endpoint could not be reached. One that accepts connections and then breaks them would else get a trial each half second;
   * `recovered`: it is known to have been ill and to be well again, whatever opened the circuit.
   */
  mayTry(now: number, recovered = false): boolean {
    if (this.#trial || this.state(now) !== 'open' || !(recovered || this.unreachable)) return false;
    this.#reopenAt = now;
    return true;
  }

  /**
   * The next call, which can be repeated, may be a trial before its time: where the last failure was quick, such a call loses next to nothing,
   * and only calls tell of an endpoint that accepts connections and breaks them. A failed one leaves the pauses as they are, for those that
   * have something to lose.
   */
  mayTryEarly(now: number): boolean {
    if (!this.isQuick || this.#trial || this.state(now) !== 'open' || now < this.earlyFrom) return false;
    return (this.#early = true);
  }

  /** When such a call may try it at the earliest. Means nothing unless `isQuick`. */
  get earlyFrom(): number {
    return this.#failedAt + earlyMs;
  }

  /** Its last failure cost a call little time, and could be repeated, and a connect in the background would say nothing. */
  get isQuick(): boolean {
    const isFinal = this.#lastFailure !== undefined && failures[this.#lastFailure].retry === 'never';
    return this.#failedMs <= longestLossMs && !this.unreachable && !isFinal;
  }

  /** The last failure was one of connecting. */
  get unreachable(): boolean {
    return this.#lastFailure?.startsWith('connect_') ?? false;
  }

  /** When the next trial may begin. Means nothing while closed. */
  get reopenAt(): number {
    return this.#reopenAt;
  }

  /** Since when it has not been closed; undefined while it is. */
  get openedAt(): number | undefined {
    return this.#openedAt;
  }

  /** A trial is under way. */
  get onTrial(): boolean {
    return this.#trial;
  }

  /** It has never been open, and holds nothing against its endpoint: another one that was never used says the same. */
  get isAsMade(): boolean {
    return this.#epoch === 0 && this.#failures === 0 && this.#rates === undefined;
  }

  /** Such an outcome leaves a trace in one that is as it was made. */
  remembers({ kind }: Outcome): boolean {
    return kind === 'failure' || (kind !== 'ignored' && judgesRates(this.#options));
  }

  get failuresInRow(): number {
    return this.#failures;
  }

  /** `12 of 20 calls in 10 s failed`; `5 connects refused`; with `in a row`: `5 connects refused in a row`, `5 failures in a row, the last: connection reset`. */
  why(inRow: '' | ' in a row' = ''): string {
    if (this.#said !== undefined) return this.#said;
    if (this.#lastFailure === undefined) return 'no failure';
    const { one, many } = words[this.#lastFailure] ?? { one: this.#lastFailure, many: this.#lastFailure };
    if (this.#failures === 1) return `1 ${one}`;
    return this.#alike === this.#failures
      ? `${this.#failures} ${many}${inRow}`
      : `${this.#failures} failures${inRow}, the last: ${one}`;
  }

  #wasEarly(): boolean {
    const was = this.#early;
    this.#early = false;
    return was;
  }

  #failed(code: FailureCode, ms: number, now: number): CircuitChange | undefined {
    this.#failures++;
    this.#failedMs = ms;
    this.#alike = code === this.#lastFailure ? this.#alike + 1 : 1;
    this.#lastFailure = code;
    const share = this.#count(now, true, false);
    if (this.#trial || this.#failures >= this.#options.failures) return this.#open(now, undefined);
    return share === undefined ? undefined : this.#open(now, share);
  }

  #succeeded(ms: number, now: number): CircuitChange | undefined {
    const { ms: slowMs = Infinity } = this.#options.slow ?? {};
    const slow = ms >= slowMs;
    if (slow) this.#failedMs = ms;
    if (slow && this.#trial) return this.#open(now, `its trial took ${Math.round(ms)} ms, ${slowMs} ms or longer is slow`);
    this.#failures = 0;
    this.#alike = 0;
    this.#lastFailure = undefined;
    if (this.#openedAt === undefined) {
      const share = this.#count(now, false, slow);
      return share === undefined ? undefined : this.#open(now, share);
    }
    this.#openedAt = undefined;
    this.#early = false;
    this.#trips = 0;
    this.#trial = false;
    this.#epoch++;
    this.#said = undefined;
    this.#rates = undefined;
    return 'closed';
  }

  /**
   * A peer that was asked later has answered first: no success for a trial, though no reason for a longer pause either, and a slow call where
   * it was silent for that long. It may never answer, so only a call with time to lose is its next trial.
   */
  #outpaced(ms: number, now: number): CircuitChange | undefined {
    const slow = ms >= (this.#options.slow?.ms ?? Infinity);
    if (slow || this.#trial) this.#failedMs = Infinity;
    if (this.#trial) {
      if (!this.#early) this.#trips--;
      return this.#open(now, `its trial was silent for ${Math.round(ms)} ms, when a peer that was asked later answered`);
    }
    const share = slow ? this.#count(now, false, true) : undefined;
    return share === undefined ? undefined : this.#open(now, share);
  }

  #open(now: number, said: string | undefined): CircuitChange {
    const { openMs, maxOpenMs, jitter } = this.#options;
    this.#failedAt = now;
    this.#trial = false;
    this.#epoch++;
    this.#said = said;
    if (this.#wasEarly()) return 'stays_open';
    // the limit is of the longest that chance can make of it, so that trials do not come as one there either
    const usualMs = Math.min(openMs * 2 ** this.#trips++, maxOpenMs / (1 + jitter));
    const forMs = usualMs * (1 + jitter * (2 * this.#random() - 1));
    this.#openedAt ??= now;
    this.#reopenAt = now + forMs;
    return 'opened';
  }

  /** One more call of the last span. The answer: the share that is too large by now, in words. */
  #count(now: number, failed: boolean, slow: boolean): string | undefined {
    return judgesRates(this.#options) ? (this.#rates ??= new Rates(this.#options)).count(now, failed, slow) : undefined;
  }
}

const words: Partial<Record<FailureCode, { readonly one: string; readonly many: string }>> = {
  connect_refused: { one: 'connect refused', many: 'connects refused' },
  connect_failed: { one: 'connect failed', many: 'connects failed' },
  connect_timeout: { one: 'connect timed out', many: 'connects timed out' },
  reset: { one: 'connection reset', many: 'connections reset' },
  response_timeout: { one: 'answer too late', many: 'answers too late' },
  bad_answer: { one: 'answer that is not HTTP', many: 'answers that are not HTTP' },
  bad_upgrade: { one: 'upgrade gone wrong', many: 'upgrades gone wrong' },
};
