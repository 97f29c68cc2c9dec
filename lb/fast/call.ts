/**
 * The calls of one connection of the app, one after the other: route, wait for the first list, lease an endpoint, attempt, settle, again
 * or done. The methods stand in the order in which a call goes through them; every decision is somebody else's (upstream, retry, the
 * table of failures). It is the loop of full/call.ts without promises and streams: what happens to a socket is told here at once.
 *
 *     begin ──▶ listing ──▶ acquire ──▶ attempting ──▶ answered ──▶ whole ──▶ idle
 *                             ▲  │ nobody    │ failed        │ cut
 *                             │  └────────┐  │               └──────────────▶ idle
 *                          pausing ◀──────┼──┴ again? ── no: refuse ────────▶ idle
 *                                         └────────────────▲
 *
 * One object serves all calls of its connection: nothing is made for a call that is not needed for its retry.
 */
import { address, type Endpoint } from '../endpoint.js';
import { refusalBytes } from '../farewell.js';
import { hasNoBody } from '../framing.js';
import type { CallParts } from '../lane.js';
import type { Lease } from '../lease.js';
import { failed } from '../outcome.js';
import { refusalAnswer, type Refused } from '../refusal.js';
import { isIdempotent } from '../retry.js';
import type { CallSettings } from '../settings.js';
import { tellAttempt, tellCall, type Became } from '../story.js';
import { firstListMs, type Upstream } from '../upstream.js';
import { Attempt, type App, type AttemptTerms, type Outcomes } from './attempt.js';
import type { RequestHead } from './request-head.js';
import { Request, type Outbox } from './request.js';
import type { Way } from './ways.js';

/** The connection of the app. */
export interface Caller extends App {
  /** Undefined for a unix socket. */
  readonly remoteAddress: string | undefined;
  /** Breaks off, so that nobody takes what was sent for all there is. */
  cut(): void;
  /** The call is over. */
  over(rest: Rest): void;
}

/** What remains of a call for its connection. */
export interface Rest {
  readonly now: number;
  /** It was the last. */
  readonly close: boolean;
  /** So much of its body is still to come, for so long at most. */
  readonly toCome: number;
  readonly lingerMs: number | undefined;
}

export interface CallTerms extends AttemptTerms {
  readonly parts: CallParts;
  readonly outbox: Outbox;
  /** Answers are the last of their connections. */
  readonly isLast: () => boolean;
  /** A call has begun, or ended. */
  readonly began: () => void;
  readonly ended: () => void;
}

type State = 'idle' | 'listing' | 'attempting' | 'pausing' | 'answered';

const nobody: readonly string[] = [];

export class Call implements Outcomes {
  #state: State = 'idle';
  readonly #caller: Caller;
  readonly #terms: CallTerms;
  readonly #request: Request;
  readonly #attempt: Attempt;
  #upstream!: Upstream;
  #settings!: CallSettings;
  #lease: Lease | undefined;
  #began = 0;
  /** When the present attempt began. */
  #askedAt = 0;
  #timeoutMs: number | undefined;
  #attempts = 0;
  /** Those of which something, or nothing, was written. */
  #written = 0;
  #unsent = 0;
  #tried: readonly string[] = nobody;
  /** The endpoint that was asked last. */
  #asked: Endpoint | undefined;
  #last: (Refused & { readonly kept: boolean }) | undefined;
  #close = false;
  /** Counts the calls, so that what an earlier one waited for is not taken for this one's. */
  #turn = 0;

  constructor(caller: Caller, head: RequestHead, terms: CallTerms) {
    this.#caller = caller;
    this.#terms = terms;
    this.#request = new Request(head, terms.parts, terms.outbox);
    this.#attempt = new Attempt(caller, this.#request, this, terms);
  }

  get idle(): boolean {
    return this.#state === 'idle';
  }

  /** Begins the call whose head was scanned in `bytes`; of its body there is what stands before `end`. False: it is not for this lane. */
  begin(bytes: Buffer, end: number, way: Way): boolean {
    if (!this.#request.begin(bytes, end, way)) return false;
    const { parts, deadlines, began } = this.#terms;
    const { upstream } = way;
    this.#upstream = upstream;
    this.#settings = parts.settings(upstream.name);
    this.#began = parts.clock.now();
    this.#timeoutMs = least(this.#settings.requestTimeoutMs, this.#request.timeoutMs);
    if (this.#settings.hashOn !== undefined) this.#request.hash(this.#settings.hashOn, this.#caller);
    this.#attempts = 0;
    this.#written = 0;
    this.#unsent = 0;
    this.#tried = nobody;
    this.#asked = undefined;
    this.#last = undefined;
    this.#close = this.#request.head.close;
    this.#turn++;
    began();
    upstream.budget.called(this.#began);
    if (this.#timeoutMs !== undefined) deadlines.by(this.#began + this.#timeoutMs);
    if (upstream.listed) this.#acquire(this.#began);
    else this.#waitForList(this.#turn);
    return true;
  }

  #waitForList(turn: number): void {
    this.#state = 'listing';
    void this.#upstream.whenListed(firstListMs).then((listed) => {
      if (turn !== this.#turn || this.#state !== 'listing') return;
      if (listed) this.#acquire(this.#terms.parts.clock.now());
      else this.#refuse(this.#upstream.whyNot('discovering', this.#request.way.absolute), firstListMs);
    });
  }

  /** A lease on an endpoint, and an attempt to get its answer. */
  #acquire(now: number): void {
    const upstream = this.#upstream;
    const last = this.#last;
    const ask = this.#request.ask(this.#tried, last !== undefined && (this.#written === 0 || last.kept));
    const lease = upstream.acquire(ask);
    if (typeof lease === 'string') {
      if (last !== undefined || lease === 'tried_all') return this.#refuse(this.#named(last!));
      return this.#refuse(upstream.whyNot(lease, this.#request.way.absolute, ask), upstream.retryAfterMs());
    }
    this.#state = 'attempting';
    this.#lease = lease;
    this.#asked = lease.endpoint;
    this.#askedAt = now;
    this.#attempts++;
    this.#attempt.begin(lease.endpoint, this.#settings, now);
  }

  /** Bytes have come from the app while the call runs. How many of them are of its body. */
  body(bytes: Buffer): number {
    const count = Math.min(this.#request.toCome, bytes.length);
    if (count > 0) this.#attempt.body(count === bytes.length ? bytes : bytes.subarray(0, count));
    return count;
  }

  isLast(): boolean {
    return (this.#close ||= this.#terms.isLast());
  }

  /** The final head is the evidence. */
  answered(status: number, now: number): void {
    const { parts } = this.#terms;
    const ms = now - this.#askedAt;
    this.#state = 'answered';
    if (parts.traced()) tellAttempt(this.#upstream, this.#lease!.endpoint, status, ms, parts);
    this.#lease!.answered({ kind: 'success', ms, status });
  }

  drained(): void {
    if (this.#state === 'answered') this.#attempt.drained();
  }

  whole(status: number, now: number): void {
    this.#end(status, now);
  }

  cut(code: 'cut' | 'body_timeout' | 'client_gone'): void {
    this.#caller.cut();
    this.#end(code, this.#terms.parts.clock.now());
  }

  /** An attempt has failed, and nothing of an answer has gone to the app: again, or not. */
  failed({ code, message }: Refused): void {
    const { parts } = this.#terms;
    const { sent, kept } = this.#attempt;
    const lease = this.#lease!;
    const now = parts.clock.now();
    const ms = now - this.#askedAt;
    if (parts.traced()) tellAttempt(this.#upstream, lease.endpoint, code, ms, parts);
    this.#attempt.end();
    lease.answered(failed(code, ms));
    this.#release();
    this.#tried = [...this.#tried, lease.endpoint.id];
    this.#last = { code, message, kept: kept && code === 'reset' };
    if (sent === 'nothing') this.#unsent++;
    else this.#written++;
    const pauseMs = this.#upstream.retry.next(
      {
        idempotent: isIdempotent(this.#request.head.method),
        replayable: this.#request.replayable,
        attempt: this.#written,
        unsentTries: this.#unsent,
        retries: this.#request.retries ?? this.#settings.retries,
      },
      { code, sent },
      now,
    );
    if (pauseMs === undefined) return this.#refuse(this.#named(this.#last));
    if (pauseMs === 0) return this.#acquire(now);
    this.#pause(pauseMs, this.#turn);
  }

  #pause(ms: number, turn: number): void {
    const { clock } = this.#terms.parts;
    this.#state = 'pausing';
    clock.after(ms, () => {
      if (turn === this.#turn && this.#state === 'pausing') this.#acquire(clock.now());
    });
  }

  /** Our own answer. */
  #refuse(refused: Refused, retryAfterMs?: number): void {
    const answer = refusalAnswer(refused, { close: this.isLast(), retryAfterMs });
    if (answer.fields.includes('connection')) this.#close = true;
    this.#caller.write(refusalBytes(answer, hasNoBody(this.#request.head.method, answer.status)));
    this.#end(refused.code, this.#terms.parts.clock.now());
  }

  /** The app ends its side. True: it has its answer already, but for bytes that are on their way. */
  lastBytesOnTheirWay(): boolean {
    this.#close ||= this.#attempt.flushing;
    return this.#attempt.flushing;
  }

  /** The app has gone: so has its call, and nobody is to blame. */
  gone(): void {
    if (this.#state !== 'idle') this.#end('client_gone', this.#terms.parts.clock.now());
  }

  /** Acts on what is overdue; the time at which something is due next. */
  look(now: number): number {
    if (now >= this.#dueAt) {
      if (this.#state === 'answered' || now < this.#began + (this.#timeoutMs ?? Infinity)) this.#attempt.overdue();
      else this.#outOfTime();
    }
    return this.#dueAt;
  }

  get #dueAt(): number {
    if (this.#state === 'idle') return Infinity;
    if (this.#state === 'answered') return this.#attempt.dueAt;
    return Math.min(this.#began + (this.#timeoutMs ?? Infinity), this.#attempt.dueAt);
  }

  #outOfTime(): void {
    const attempts = `${this.#attempts} ${this.#attempts === 1 ? 'attempt' : 'attempts'}`;
    const why: Refused = { code: 'request_timeout', message: `no answer in ${this.#timeoutMs ?? 0} ms, after ${attempts}` };
    if (this.#state === 'attempting') this.failed(why);
    else this.#refuse(this.#named(why));
  }

  /** Counted always, told where somebody asked for it. Then the connection may go on. */
  #end(became: Became, now: number): void {
    const { parts, ended } = this.#terms;
    const request = this.#request;
    const ms = now - this.#began;
    this.#state = 'idle';
    this.#attempt.end();
    this.#release();
    this.#upstream.stats.ended(became, ms);
    if (parts.accessLog) {
      const { requestId, target, head } = request;
      const told = { upstream: this.#upstream, method: head.method, target, requestId, attempts: this.#attempts };
      tellCall({ ...told, endpoint: this.#asked && address(this.#asked), ms }, became, parts);
    }
    request.end();
    ended();
    this.#caller.over({ now, close: this.#close, toCome: request.toCome, lingerMs: this.#settings.bodyTimeoutMs });
  }

  #release(): void {
    this.#lease?.release();
    this.#lease = undefined;
  }

  #named({ code, message }: Refused): Refused {
    return { code, message: `${this.#upstream.name}: ${message}` };
  }
}

/** The app may shorten its time, not lengthen it. */
const least = (ours: number | undefined, theirs: number | undefined): number | undefined =>
  ours === undefined || theirs === undefined ? (ours ?? theirs) : Math.min(ours, theirs);
