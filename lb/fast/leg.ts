/**
 * One attempt with the lease that it is sent under: evidence once, release once. A call has one, and a second one while it hedges; which of
 * them counts is the call's affair.
 */
import type { Endpoint } from '../endpoint.js';
import type { Lease } from '../lease.js';
import type { CallParts } from '../lane.js';
import { failed, outOfTime } from '../outcome.js';
import type { Refused } from '../refusal.js';
import type { CallSettings } from '../settings.js';
import { tellAttempt } from '../story.js';
import type { Upstream } from '../upstream.js';
import { Attempt } from './attempt.js';
import type { App, CallTerms, Outcomes } from './caller.js';
import type { Request } from './request.js';
import type { TurnClock } from './turn-clock.js';

/** The call of a leg. */
export interface Runner {
  isLast(): boolean;
  keepsBack(leg: Leg, status: number): boolean;
  answered(leg: Leg, status: number, now: number): void;
  failed(leg: Leg, why: Refused, now: number): void;
  whole(status: number, now: number): void;
  cut(code: 'cut' | 'body_timeout' | 'client_gone'): void;
}

export class Leg implements Outcomes {
  readonly attempt: Attempt;
  readonly #call: Runner;
  readonly #parts: CallParts;
  readonly #clock: TurnClock;
  #upstream!: Upstream;
  #lease: Lease | undefined;
  #askedAt = 0;
  /** The evidence was given. */
  #judged = false;

  constructor(app: App, request: Request, call: Runner, terms: CallTerms) {
    this.attempt = new Attempt(app, request, this, terms);
    this.#call = call;
    this.#parts = terms.parts;
    this.#clock = terms.clock;
  }

  /** The one that it was sent to; undefined when it has ended. */
  get endpoint(): Endpoint | undefined {
    return this.#lease?.endpoint;
  }

  get onTrial(): boolean {
    return this.#lease?.onTrial === true;
  }

  begin(upstream: Upstream, lease: Lease, settings: CallSettings, now: number): void {
    this.#upstream = upstream;
    this.#lease = lease;
    this.#askedAt = now;
    this.#judged = false;
    this.attempt.begin(lease.endpoint, settings, now);
  }

  isLast(): boolean {
    return this.#call.isLast();
  }

  keepsBack(status: number): boolean {
    return this.#call.keepsBack(this, status);
  }

  answered(status: number, now: number): void {
    this.judge(status, now);
    this.#call.answered(this, status, now);
  }

  /** The final head is the evidence, whether it is passed on or kept back; what was kept back may still be passed on. */
  judge(status: number, now: number): void {
    if (this.#judged) return;
    this.#judged = true;
    if (this.#parts.traced()) tellAttempt(this.#upstream, this.#lease!.endpoint, status, now - this.#askedAt, this.#parts);
    this.#lease!.answered({ kind: 'success', ms: now - this.attempt.sentAt, status }, now);
  }

  failed(why: Refused): void {
    const lease = this.#lease!;
    const now = this.#clock.now();
    const ms = now - this.#askedAt;
    if (this.#parts.traced()) tellAttempt(this.#upstream, lease.endpoint, why.code, ms, this.#parts);
    if (!this.#judged) lease.answered(failed(why.code, ms), now);
    this.#call.failed(this, why, now);
  }

  /** The time of the whole call is up: evidence if this endpoint had the request and is silent. Undefined: it was the app's. */
  outOfTime(requestTimeoutMs: number | undefined, now: number): void {
    if (requestTimeoutMs === undefined || this.#judged || this.attempt.sent !== 'all') return;
    this.#judged = true;
    this.#lease!.answered(outOfTime(now - this.attempt.sentAt, requestTimeoutMs), now);
  }

  /** An endpoint that was asked later has answered first. */
  outpaced(now: number): void {
    if (this.#judged) return;
    this.#judged = true;
    this.#lease!.answered({ kind: 'outpaced', ms: now - this.#askedAt }, now);
  }

  whole(status: number, now: number): void {
    this.#call.whole(status, now);
  }

  cut(code: 'cut' | 'body_timeout' | 'client_gone'): void {
    this.#call.cut(code);
  }

  /** Nothing of it is wanted any more. */
  end(): void {
    this.attempt.end();
    this.#lease?.release();
    this.#lease = undefined;
  }
}
