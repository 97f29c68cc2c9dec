/**
 * The calls of one connection of the app, one after the other: route, wait for the first list, lease an endpoint, attempt, settle, again
 * or done. The methods stand in the order in which a call goes through them; every decision is somebody else's (upstream, retry, the
 * table of failures). It is the loop of full/call.ts without promises and streams: what happens to a socket is told here at once.
 *
 *     begin ──▶ listing ──▶ acquire ──▶ attempting ──▶ answered ──▶ whole ──▶ idle
 *                             ▲  │ nobody    │ failed, or kept back   │ cut
 *                             │  └────────┐  │                        └─────▶ idle
 *                          pausing ◀──────┼──┴ again? ── no: refuse ────────▶ idle
 *                                         └────────────────▲
 *
 * An attempt and its lease are a leg; a second one runs beside it while the call hedges, and the first answer ends the other. One object
 * serves all calls of its connection: nothing is made for a call that is not needed for its retry.
 */
import { least } from '../deadline.js';
import { address } from '../endpoint.js';
import { refusalBytes } from '../farewell.js';
import { hasNoBody } from '../framing.js';
import { isSafe } from '../hedge.js';
import { isOdd, type Became } from '../last-calls.js';
import { refusalAnswer, type Refused } from '../refusal.js';
import { isIdempotent, isRepeated, type CallSoFar } from '../retry.js';
import type { CallSettings } from '../settings.js';
import { tellCall } from '../story.js';
import { Tries } from '../tries.js';
import type { NoLease, Upstream } from '../upstream.js';
import type { Caller, CallTerms } from './caller.js';
import { Leg, type Runner } from './leg.js';
import { Legs } from './legs.js';
import type { RequestHead } from './request-head.js';
import { Request } from './request.js';
import type { Way } from './ways.js';

type State = 'idle' | 'listing' | 'attempting' | 'pausing' | 'answered';

export class Call implements Runner {
  #state: State = 'idle';
  readonly #caller: Caller;
  readonly #terms: CallTerms;
  readonly #request: Request;
  readonly #legs: Legs;
  readonly #tries = new Tries();
  #upstream!: Upstream;
  #settings!: CallSettings;
  #began = 0;
  /** When the app has to have a head. */
  #endsAt = Infinity;
  /** When a second leg is due. */
  #hedgeAt = Infinity;
  #close = false;
  /** Counts the calls, so that what an earlier one waited for is not taken for this one's. */
  #turn = 0;

  constructor(caller: Caller, head: RequestHead, terms: CallTerms) {
    this.#caller = caller;
    this.#terms = terms;
    this.#request = new Request(head, terms.parts, terms.outbox);
    this.#legs = new Legs(() => new Leg(caller, this.#request, this, terms));
  }

  get idle(): boolean {
    return this.#state === 'idle';
  }

  /** Begins the call whose head was scanned in `bytes`; of its body there is what stands before `end`. False: it is not for this lane. */
  begin(bytes: Buffer, end: number, way: Way): boolean {
    const request = this.#request;
    if (!request.begin(bytes, end, way)) return false;
    const { parts, clock, deadlines, began } = this.#terms;
    const { upstream } = way;
    this.#upstream = upstream;
    this.#settings = parts.settings(upstream.name);
    this.#began = clock.now();
    this.#endsAt = this.#began + (least(this.#settings.requestTimeoutMs, request.timeoutMs) ?? Infinity);
    request.endsAt = this.#endsAt;
    this.#hedgeAt = Infinity;
    if (this.#settings.hashOn !== undefined) request.hash(this.#settings.hashOn, this.#caller);
    this.#tries.begin(request.key, request.subset);
    this.#close = request.head.close;
    this.#turn++;
    began();
    upstream.budget.called(this.#began);
    if (this.#endsAt < Infinity) deadlines.by(this.#endsAt);
    if (upstream.listed) this.#acquire(this.#began);
    else this.#waitForList();
    return true;
  }

  #waitForList(): void {
    const turn = this.#turn;
    this.#state = 'listing';
    void this.#upstream.whenListed().then((unlisted) => {
      if (turn !== this.#turn || this.#state !== 'listing') return;
      if (unlisted === undefined) this.#acquire(this.#terms.clock.now());
      else this.#refuse(this.#upstream.whyNot(unlisted, this.#request.way.absolute));
    });
  }

  /** A lease on an endpoint, and an attempt to get its answer. */
  #acquire(now: number): void {
    const { retry, triesEarly } = this.#upstream;
    this.#tries.repeatable = triesEarly && retry.losesNothing(this.#soFar(now, this.#request.staysReplayable), now);
    const hedgeMs = this.#hedgeMs(now);
    this.#tries.hedged = hedgeMs !== undefined && this.#upstream.mayHedge(now);
    const lease = this.#upstream.acquire(this.#tries.ask, now);
    if (typeof lease === 'string') return this.#alone(lease);
    this.#state = 'attempting';
    this.#tries.sent(lease.endpoint, now);
    if (hedgeMs !== undefined) this.#terms.deadlines.by((this.#hedgeAt = now + hedgeMs));
    this.#legs.begin(this.#upstream, lease, this.#settings, now);
  }

  /** There is nobody to ask, or nobody else: then the last answer stands. */
  #alone(why: NoLease): void {
    const upstream = this.#upstream;
    if (this.#legs.attempt.held) this.#legs.attempt.pass();
    else if (this.#tries.last !== undefined) this.#refuse(this.#named(this.#tries.last));
    else if (why !== 'tried_all') this.#refuse(upstream.whyNot(why, this.#request.way.absolute, this.#tries.ask));
  }

  /** After so long its first send gets another beside it; undefined: none. */
  #hedgeMs(now: number): number | undefined {
    const { head } = this.#request;
    const may = this.#settings.hedge !== undefined && this.#tries.count === 0 && isSafe(head.method) && head.length <= 0;
    return may ? this.#upstream.hedge.delayMs(this.#settings.hedge, now) : undefined;
  }

  /** The first leg is slow: a second one goes to another endpoint. */
  #hedge(now: number): void {
    const upstream = this.#upstream;
    this.#hedgeAt = Infinity;
    if (this.#state !== 'attempting' || upstream.size < 2 || !upstream.hedge.maySend(now)) return;
    const lease = upstream.acquire(this.#tries.beside, now);
    if (typeof lease === 'string') return;
    upstream.stats.hedges++;
    this.#tries.sent(lease.endpoint, now, true);
    this.#legs.race(upstream, lease, this.#settings, now);
  }

  /** Bytes have come from the app while the call runs. How many of them are of its body. */
  body(bytes: Buffer): number {
    const count = Math.min(this.#request.toCome, bytes.length);
    if (count > 0) this.#legs.attempt.body(count === bytes.length ? bytes : bytes.subarray(0, count));
    return count;
  }

  isLast(): boolean {
    return (this.#close ||= this.#terms.isLast());
  }

  keepsBack(leg: Leg, status: number): boolean {
    return isRepeated(this.#settings.retryOn, status, leg.onTrial) && this.#keepBack(leg, status);
  }

  #keepBack(leg: Leg, status: number): boolean {
    const [upstream, tries] = [this.#upstream, this.#tries];
    const now = this.#terms.clock.now();
    if (upstream.size <= tries.count) return false;
    const soFar = { ...this.#soFar(now), attempt: tries.written + 1 };
    const answered = { status, retryAfterMs: leg.attempt.retryAfterMs(), onTrial: leg.onTrial };
    const pauseMs = upstream.retry.afterAnswer(soFar, answered, now);
    if (pauseMs === undefined) return false;
    this.#first(leg, status, now);
    leg.judge(status, now);
    const lost = `${address(leg.endpoint!)} answered ${status}, and its answer was lost while another was asked`;
    tries.answered(leg.endpoint!, status, lost, now);
    this.#pause(pauseMs);
    return true;
  }

  answered(leg: Leg, status: number, now: number): void {
    this.#tries.asked = leg.endpoint;
    if (this.#settings.hedge !== undefined) this.#first(leg, status, now);
    if (this.#settings.hedge === 'p95' && this.#request.head.length <= 0)
      this.#upstream.hedge.seen(now - this.#tries.askedAt, now);
    this.#state = 'answered';
  }

  /** It is the first answer: another leg is not needed any more. */
  #first(leg: Leg, status: number, now: number): void {
    this.#hedgeAt = Infinity;
    if (this.#tries.count > 1) this.#tries.first(leg.endpoint!, status, now);
    if (this.#legs.only(leg, status < 400 ? now : undefined)) this.#upstream.stats.hedgesWon++;
  }

  drained(): void {
    if (this.#state === 'answered') this.#legs.attempt.drained();
  }

  whole(status: number, now: number): void {
    this.#end(status, now);
  }

  cut(code: 'cut' | 'body_timeout' | 'client_gone'): void {
    this.#caller.cut();
    this.#end(code, this.#terms.clock.now());
  }

  /** An attempt has failed, and nothing of an answer has gone to the app: again, or not. */
  failed(leg: Leg, { code, message }: Refused, now: number): void {
    const { sent, kept } = leg.attempt;
    this.#tries.failed(leg.endpoint!, { code, message, sent, kept }, now);
    this.#hedgeAt = Infinity;
    if (this.#legs.without(leg)) return;
    const pauseMs = this.#upstream.retry.next(this.#soFar(now), { code, sent }, now);
    if (pauseMs === undefined) return this.#refuse(this.#named({ code, message }));
    if (pauseMs === 0) return this.#acquire(now);
    this.#pause(pauseMs);
  }

  #soFar(now: number, replayable = this.#request.replayable): CallSoFar {
    const { retries, retryOn: on, retryKeyed } = this.#settings;
    const { head, keyed, retries: asked = retries } = this.#request;
    const { written: attempt, unsent: unsentTries } = this.#tries;
    const idempotent = isIdempotent(head.method) || (retryKeyed && keyed);
    return { idempotent, replayable, attempt, unsentTries, retries: asked, on, leftMs: this.#endsAt - now };
  }

  #pause(ms: number): void {
    const { clock } = this.#terms;
    const turn = this.#turn;
    this.#state = 'pausing';
    clock.after(ms, () => {
      if (turn === this.#turn && this.#state === 'pausing') this.#acquire(clock.now());
    });
  }

  /** Our own answer. */
  #refuse(refused: Refused): void {
    const answer = refusalAnswer(refused, { close: this.isLast() });
    if (answer.fields.includes('connection')) this.#close = true;
    const bytes = refusalBytes(answer, hasNoBody(this.#request.head.method, answer.status));
    this.#caller.pass(bytes, 0, bytes.length);
    this.#end(refused.code, this.#terms.clock.now());
  }

  /** The app ends its side. True: it has its answer already, but for bytes that are on their way. */
  lastBytesOnTheirWay(): boolean {
    const { flushing } = this.#legs.attempt;
    this.#close ||= flushing;
    return flushing;
  }

  /** The app has gone: so has its call, and nobody is to blame. */
  gone(): void {
    if (this.#state !== 'idle') this.#end('client_gone', this.#terms.clock.now());
  }

  /** Acts on what is overdue; the time at which something is due next. */
  look(now: number): number {
    if (now >= this.#dueAt) {
      if (this.#state !== 'answered' && now >= this.#endsAt) this.#outOfTime(now);
      else if (now >= this.#hedgeAt) this.#hedge(now);
      else this.#legs.overdue(now);
    }
    return this.#dueAt;
  }

  get #dueAt(): number {
    if (this.#state === 'idle') return Infinity;
    if (this.#state === 'answered') return this.#legs.dueAt;
    return Math.min(this.#endsAt, this.#hedgeAt, this.#legs.dueAt);
  }

  #outOfTime(now: number): void {
    const [{ count }, ms] = [this.#tries, Math.round(this.#endsAt - this.#began)];
    const { requestTimeoutMs } = this.#settings;
    const ours = requestTimeoutMs === least(requestTimeoutMs, this.#request.timeoutMs) ? requestTimeoutMs : undefined;
    const message = `no answer in ${ms} ms, after ${count} ${count === 1 ? 'attempt' : 'attempts'}`;
    if (this.#legs.attempt.held) this.#legs.attempt.pass();
    else if (this.#state === 'attempting') this.#legs.outOfTime(ours, { code: 'request_timeout', message }, now);
    else this.#refuse(this.#named({ code: 'request_timeout', message }));
  }

  /** Counted always, told where somebody asked for it. Then the connection may go on. */
  #end(became: Became, now: number): void {
    const { parts, ended } = this.#terms;
    const request = this.#request;
    const ms = now - this.#began;
    this.#state = 'idle';
    this.#legs.end();
    this.#upstream.stats.ended(became, ms);
    if (parts.accessLog || isOdd(this.#tries.count, became)) this.#tell(became, ms);
    request.end();
    ended();
    this.#caller.over({ now, close: this.#close, toCome: request.toCome, lingerMs: this.#settings.bodyTimeoutMs });
  }

  #tell(became: Became, ms: number): void {
    const { requestId, target, head } = this.#request;
    const call = { upstream: this.#upstream, method: head.method, target, requestId, began: this.#began, ms };
    tellCall(call, this.#tries, became, this.#terms.parts);
  }

  #named({ code, message }: Refused): Refused {
    return { code, message: `${this.#upstream.name}: ${message}` };
  }
}
