/**
 * One send of the call's request to one endpoint, and the answer that comes of it: over a connection that is held from the first byte to
 * the last. The methods stand in the order in which things happen. It knows what has left us (nothing, some, all) and who is waited for;
 * it knows nothing of retries or circuits: what becomes of it is told to the call.
 *
 *     begin ──▶ connecting ──▶ awaiting ──▶ relaying ──▶ flushing ──▶ none
 *                   │ broke       │ │ ▲         │ broke       the last bytes wait for the app
 *                   └─────▶ failed┘ ▼ │ pass    └▶ cut
 *                                   held: another endpoint may be asked instead
 */
import { mostInformational } from '../bounds.js';
import type { Endpoint } from '../endpoint.js';
import { CallError } from '../errors.js';
import type { Refused } from '../refusal.js';
import type { CallSettings } from '../settings.js';
import { Answer } from './answer.js';
import type { App, AttemptTerms, Outcomes } from './caller.js';
import type { Connection, Exchange } from './connection.js';
import type { Request } from './request.js';

type State = 'none' | 'connecting' | 'awaiting' | 'held' | 'relaying' | 'flushing';

export class Attempt implements Exchange {
  #state: State = 'none';
  readonly #app: App;
  readonly #request: Request;
  readonly #call: Outcomes;
  readonly #terms: AttemptTerms;
  readonly #answer: Answer;
  #settings!: CallSettings;
  #connection: Connection | undefined;
  #informed = 0;
  /** Where the bytes of a kept back answer end, as far as they are here. */
  #heldTo = 0;
  /** The endpoint does not take the request as fast as it comes. */
  #held = false;
  /** Something moved last, or began to be waited for, at this time. */
  #movedAt = 0;
  /** From here the endpoint has the request: when it was asked, or the last byte of the body that has left. */
  sentAt = 0;
  /** It went over a connection that had been used before: which was dead, perhaps, not the endpoint. */
  kept = false;
  /** It ended before anything of the request had left. */
  #unsent = false;

  constructor(app: App, request: Request, call: Outcomes, terms: AttemptTerms) {
    this.#app = app;
    this.#request = request;
    this.#call = call;
    this.#terms = terms;
    this.#answer = new Answer(terms.lines, app, terms.maxHeadBytes);
  }

  begin(endpoint: Endpoint, settings: CallSettings, now: number): void {
    this.#settings = settings;
    this.#state = 'connecting';
    this.#informed = 0;
    this.#held = false;
    this.#unsent = false;
    this.sentAt = now;
    const { pools, upstream } = this.#request.way;
    const connection = pools.take(endpoint, settings, this);
    this.#connection = connection;
    this.kept = false;
    if (connection === undefined) return this.#call.failed(upstream.usage.refusal());
    this.kept = connection.reused;
    if (connection.connected) this.#send(now);
  }

  /** The whole answer is on its way to the app. */
  get flushing(): boolean {
    return this.#state === 'flushing';
  }

  /** How much of the request was handed to the endpoint's connection. */
  get sent(): 'nothing' | 'some' | 'all' {
    if (this.#state === 'none' || this.#state === 'connecting' || this.#unsent || this.#connection?.waits) return 'nothing';
    return this.#request.toCome > 0 || this.#held ? 'some' : 'all';
  }

  connected(): void {
    this.#send(this.#terms.clock.now());
  }

  #send(now: number): void {
    this.#state = 'awaiting';
    this.#answer.begin();
    if (!this.#request.send(this.#connection!, now)) this.stuck();
    else if (this.#request.toCome > 0) this.#app.resume();
    this.#sent(now);
  }

  /** More of the request's body has come from the app. */
  body(bytes: Buffer): void {
    if (!this.#request.more(bytes)) this.stuck();
    else if (this.#request.full) this.#app.pause();
    if (this.#state === 'awaiting' || this.#state === 'relaying') this.#sent(this.#terms.clock.now());
  }

  stuck(): void {
    this.#held = true;
    this.#app.pause();
  }

  /** The endpoint has taken what it had not. */
  written(): void {
    this.#held = false;
    if (this.#request.toCome > 0) this.#app.resume();
    this.#sent(this.#terms.clock.now());
  }

  /** From here the endpoint has its time, or the app has, as long as its body is not whole. */
  #sent(now: number): void {
    this.#movedAt = now;
    if (this.#request.head.length > 0) this.sentAt = now;
    this.#dueIn(this.#request.toCome > 0 ? this.#settings.bodyTimeoutMs : this.#settings.responseTimeoutMs);
  }

  received(from: number, to: number): boolean {
    if (this.#state === 'awaiting') return this.#readHead(from, to);
    this.#movedAt = this.#terms.clock.now();
    return this.#relayed(this.#answer.passMore(this.#connection!.bytes, from, to), to);
  }

  #readHead(from: number, to: number): boolean {
    const connection = this.#connection!;
    const { head } = this.#answer;
    for (;;) {
      const scanned = this.#answer.scan(connection.bytes, from, to);
      if (scanned === 'more') {
        connection.hold(to);
        return true;
      }
      if (scanned === 'odd') return this.#bad(head.fault);
      if (head.status >= 200) return this.#answered(to);
      if (head.status === 101) return this.#bad('it changes the protocol, which nobody asked for');
      if (++this.#informed > mostInformational) return this.#bad('it sends no end of 1xx heads');
      this.#answer.inform(connection.bytes);
    }
  }

  #answered(to: number): boolean {
    if (this.sent !== 'all' || !this.#call.keepsBack(this.#answer.head.status)) return this.#pass(to);
    this.#state = 'held';
    this.#heldTo = to;
    this.#connection!.hold(to);
    return false;
  }

  /** The answer is here, and waits for whether another is to be had. */
  get held(): boolean {
    return this.#state === 'held';
  }

  /** What the endpoint asks for in its answer: milliseconds. */
  retryAfterMs(): number | undefined {
    return this.#answer.retryAfterMs(this.#connection!.bytes, this.#terms.clock.wall());
  }

  /** The answer that was kept back goes to the app after all. */
  pass(): void {
    const connection = this.#connection!;
    const left = this.#pass(this.#heldTo);
    if (connection.closed && this.#state === 'relaying') this.ended();
    else if (left) connection.resume();
  }

  /** The head of the final answer goes to the app, with what there is of the body. */
  #pass(to: number): boolean {
    const end = this.#answer.passHead(this.#connection!.bytes, to, this.#request.head.method, this.#call.isLast());
    if (end < 0) return this.#bad('a field of it cannot be sent on');
    this.#state = 'relaying';
    this.#movedAt = this.#terms.clock.now();
    this.#call.answered(this.#answer.head.status, this.#movedAt);
    if (!this.#answer.body.done) this.#dueIn(this.#settings.bodyTimeoutMs);
    return this.#relayed(end, to);
  }

  /** Some of the answer was passed on: it ends at `end` of what came up to `to`, or goes on. */
  #relayed(end: number, to: number): boolean {
    const { body, left } = this.#answer;
    if (body.done) {
      if (end < to) this.stop(); // what came behind it is nobody's
      this.#over(left);
    } else if (body.fault !== '') this.#cut('cut');
    else if (!left) this.#dueIn(this.#terms.clientIdleTimeoutMs);
    return left;
  }

  /** The app has taken what it had not. */
  drained(): void {
    if (this.#state !== 'flushing' && this.#state !== 'relaying') return;
    this.#connection?.resume();
    if (this.#state === 'flushing') return this.#whole();
    this.#answer.flushed();
    this.#movedAt = this.#terms.clock.now();
    this.#dueIn(this.#settings.bodyTimeoutMs);
  }

  /** The endpoint has ended its connection: that may be the end of its answer. */
  ended(): void {
    if (this.#state === 'relaying' && this.#answer.ended()) this.#over(this.#answer.left);
    else if (this.#state === 'held') this.#leaves(true);
    else this.broke(new CallError('reset', `${this.#connection!.address} broke the connection: other side closed`));
  }

  broke(why: CallError): void {
    if (this.#state === 'flushing') this.#connection = undefined;
    else if (this.#state === 'held') this.#leaves(false);
    else if (this.#state === 'relaying') this.#cut('cut');
    else this.#fail(why);
  }

  /** `ended`: in order. The answer that is held is lost, which the call has noted beforehand, unless all of it is here. */
  #leaves(ended: boolean): void {
    if (!this.#answer.isWhole(this.#connection!.bytes, this.#heldTo, this.#request.head.method, ended)) this.end();
  }

  /** Nothing more comes. */
  #over(left: boolean): void {
    if (left) return this.#whole();
    this.#state = 'flushing';
    this.#dueIn(this.#terms.clientIdleTimeoutMs);
  }

  /** The connection is free for the next call, if nothing is left on it of this one. */
  #whole(): void {
    const { head, body } = this.#answer;
    const connection = this.#connection;
    const clean = !head.close && body.framing !== 'until_close' && this.sent === 'all';
    this.#state = 'none';
    this.#connection = undefined;
    connection?.release(clean ? head.keepAliveMs : 0, this.#movedAt);
    this.#call.whole(head.status, this.#movedAt);
  }

  #bad(why: string): false {
    this.#fail({ code: 'bad_answer', message: `${this.#connection!.address} sent an answer that cannot be passed on: ${why}` });
    return false;
  }

  #fail(why: Refused): void {
    this.stop();
    this.#call.failed(why);
  }

  #cut(code: 'cut' | 'body_timeout' | 'client_gone'): void {
    this.stop();
    this.#call.cut(code);
  }

  /** Gives the attempt up, if there is one: nobody is told, and the connection is not used again. */
  stop(): void {
    if (this.#connection?.waits) this.#unsent = true;
    this.#connection?.close();
    this.#connection = undefined;
    this.#request.unsent();
  }

  /** It is over for the call as well. */
  end(): void {
    this.stop();
    this.#state = 'none';
  }

  /** When the one that is waited for has waited too long. */
  get dueAt(): number {
    // nothing was sent yet; held, the call looks after it, and while it connects, the connection
    if (this.#state === 'none' || this.#state === 'held' || this.#state === 'connecting') return Infinity;
    const { responseTimeoutMs, bodyTimeoutMs } = this.#settings;
    switch (this.#state) {
      case 'awaiting':
        if (this.#held) return Infinity;
        return this.#movedAt + ((this.#request.toCome > 0 ? bodyTimeoutMs : responseTimeoutMs) ?? Infinity);
      case 'relaying':
        if (!this.#answer.left) return this.#movedAt + (this.#terms.clientIdleTimeoutMs ?? Infinity);
        return this.#answer.head.eventStream ? Infinity : this.#movedAt + (bodyTimeoutMs ?? Infinity);
      case 'flushing':
        return this.#movedAt + (this.#terms.clientIdleTimeoutMs ?? Infinity);
    }
  }

  /** It is due, and whoever was waited for is to blame. */
  overdue(): void {
    const { responseTimeoutMs, bodyTimeoutMs } = this.#settings;
    if (this.#state === 'flushing' || (this.#state === 'relaying' && !this.#answer.left)) this.#cut('client_gone');
    else if (this.#state === 'relaying') this.#cut('body_timeout');
    else if (this.#request.toCome > 0)
      this.#fail({ code: 'client_body_timeout', message: `the app sent nothing of its body for ${bodyTimeoutMs ?? 0} ms` });
    else {
      const { address } = this.#connection!;
      this.#fail({ code: 'response_timeout', message: `no answer from ${address} in ${responseTimeoutMs ?? 0} ms` });
    }
  }

  #dueIn(ms: number | undefined): void {
    if (ms !== undefined) this.#terms.deadlines.by(this.#movedAt + ms);
  }
}
