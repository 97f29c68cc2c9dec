/**
 * A request and its answer, from node's server to undici and back. Watches for silence on the way, of whichever side it waits for: of
 * the app while its body is due, of the endpoint while the answer's is, and of an app that does not take what it asked for.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { replayBytes } from '../bounds.js';
import { CallError } from '../errors.js';
import type { Endpoint } from '../endpoint.js';
import { codingNames, hasBody } from '../framing.js';
import { valuesOf, withoutNamed } from '../headers.js';
import type { Clock } from '../ports.js';
import type { RefusalAnswer } from '../refusal.js';
import type { Upstream } from '../upstream.js';
import type { Answer, Failed } from './answer.js';
import { attempt } from './attempt.js';
import { askedOf, type Asked, type Exchange, type Send, type Sending } from './exchange.js';
import type { Pools } from './pools.js';
import { Replay } from './replay.js';
import { Reply } from './reply.js';
import { Silence } from '../silence.js';

export type PoolsOf = (upstream: Upstream) => Pools;

export interface ExchangeTerms {
  readonly clock: Clock;
  readonly loadPools: () => PoolsOf | Promise<PoolsOf>;
  readonly clientIdleTimeoutMs: number | undefined;
  readonly maxHeadBytes: number;
  /** How long an app may go on with a body after it has the whole answer. */
  readonly uploadLingerMs: number;
  /** The connection takes no request after this one. */
  readonly isLast: () => boolean;
}

export class PlainExchange implements Exchange {
  readonly asked: Asked;
  readonly #request: IncomingMessage;
  readonly #terms: ExchangeTerms;
  readonly #reply: Reply;
  readonly #goneListeners: ((why: CallError) => void)[] = [];
  /** What had come over the connection when the request began. */
  readonly #before: number;
  readonly #chunked: boolean;
  #expects: boolean;
  #replay: Replay | undefined;
  #silence: Silence | undefined;
  #answer: Answer | undefined;
  #bodyTimeoutMs: number | undefined;

  /** `expects`: the app waits for a `100 Continue` before it sends its body. */
  constructor(request: IncomingMessage, response: ServerResponse, expects: boolean, terms: ExchangeTerms) {
    this.asked = askedOf(request, false);
    this.#request = request;
    this.#chunked = valuesOf(this.asked.raw, 'transfer-encoding').length > 0;
    this.#before = request.socket.bytesRead;
    this.#terms = terms;
    this.#expects = expects;
    this.#reply = new Reply(response, this.asked, terms.isLast);
    this.#reply.onGone((why) => this.broken(why));
  }

  get replayable(): boolean {
    return this.#replay?.replayable ?? true;
  }

  get staysReplayable(): boolean {
    const { raw } = this.asked;
    const fits = !this.#chunked && Number(valuesOf(raw, 'content-length')[0] ?? 0) <= replayBytes;
    return this.replayable && fits;
  }

  onGone(listener: (why: CallError) => void): void {
    this.#goneListeners.push(listener);
  }

  /** The app takes bytes again. */
  drained(): void {
    this.#reply.drained();
  }

  /** The rest of the request will not come, or makes no sense. */
  broken(why: CallError): void {
    this.#replay?.breakOff(why);
    for (const listener of this.#goneListeners) listener(why);
  }

  sender(): Send | Promise<Send> {
    const sendBy =
      (poolsOf: PoolsOf): Send =>
      (endpoint, sending) =>
        this.#send(endpoint, sending, poolsOf);
    const poolsOf = this.#terms.loadPools();
    return typeof poolsOf === 'function' ? sendBy(poolsOf) : poolsOf.then(sendBy);
  }

  #send(endpoint: Endpoint, { upstream, settings, target, fields, stop }: Sending, poolsOf: PoolsOf): Promise<Answer | Failed> {
    const { clock } = this.#terms;
    const { method, raw } = this.asked;
    const moved = (): void => this.#silence?.moved();
    this.#bodyTimeoutMs = settings.bodyTimeoutMs;
    if (hasBody(raw)) {
      this.#replay ??= new Replay(this.#request, () => (moved(), this.#boundExtensions()));
      this.#silence ??= new Silence(clock, this.#patienceMs, this.#silent);
    }
    if (this.#expects) this.#reply.goOn();
    this.#expects = false;
    const inform: Reply['inform'] = (...head) => this.#reply.inform(...head);
    const request = { method, target, fields: () => withoutNamed(fields(), codingNames), body: this.#replay?.open() };
    const terms = { clock, responseTimeoutMs: settings.responseTimeoutMs, stop, inform, moved };
    const connection = poolsOf(upstream).take(endpoint, settings);
    if (connection === undefined) {
      request.body?.destroy();
      return Promise.resolve({ kind: 'failed', ...upstream.usage.refusal(), sent: 'nothing', kept: false });
    }
    return attempt(connection, request, terms);
  }

  /** Node drops what chunks have beside data, up to 16 KiB of each: who sends hardly anything else is told so. */
  #boundExtensions(): void {
    if (!this.#chunked) return;
    const came = this.#request.socket.bytesRead - this.#before - this.#request.readableLength;
    if (came <= mostOverheadBytes + mostOverheadFactor * this.#replay!.length) return;
    this.broken(new CallError('bad_request', 'the chunks of the body are more extension than data'));
  }

  async relay(answer: Answer, fields: readonly string[]): Promise<'whole' | CallError> {
    this.#answer = answer;
    this.#silence ??= new Silence(this.#terms.clock, this.#patienceMs, this.#silent);
    this.#silence.moved();
    return this.#reply.relay({ ...answer, fields });
  }

  /** If the app still waits to send its body, node ends the connection: nobody could tell where the next request begins. */
  refuse(answer: RefusalAnswer): Promise<void> {
    return this.#reply.refuse(answer);
  }

  end(): void {
    this.#silence?.end();
    this.#replay?.close();
    if (this.#request.complete) return;
    // it has its answer, and still sends what that answer did not need: for a while, so that it can read the answer, but not for ever
    const { clock, uploadLingerMs } = this.#terms;
    const forMs = Math.min(this.#bodyTimeoutMs ?? uploadLingerMs, uploadLingerMs);
    const stop = clock.after(forMs, () => this.#request.socket.destroy());
    this.#request.once('close', stop);
  }

  readonly #patienceMs = (): number | undefined => {
    if (this.#answer === undefined) return this.#replay?.waiting ? this.#bodyTimeoutMs : undefined;
    if (!this.#answer.waiting()) return this.#reply.stalled ? this.#terms.clientIdleTimeoutMs : undefined;
    return isEventStream(this.#answer) ? undefined : this.#bodyTimeoutMs;
  };

  readonly #silent = (): void => {
    const ms = this.#patienceMs() ?? 0;
    if (this.#answer === undefined)
      this.broken(new CallError('client_body_timeout', `the app sent nothing of its body for ${ms} ms`));
    else if (this.#answer.waiting())
      this.#answer.body.destroy(new CallError('body_timeout', `nothing of the answer's body came for ${ms} ms`));
    else this.#reply.cut();
  };
}

/** What comes next (a head and a read: visit.ts has no more read on), extensions, and a size of so many digits for each byte. */
const mostOverheadBytes = 128 * 1024;
const mostOverheadFactor = 32;

const isEventStream = ({ fields }: Answer): boolean =>
  valuesOf(fields, 'content-type').some((value) => /^text\/event-stream\b/i.test(value));
