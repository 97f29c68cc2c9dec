/**
 * An upgrade as the loop sees it. Until something was sent it is a call like any other; after the 101 it is a tunnel of bytes that
 * holds its lease until both sides are closed:
 *
 *     dial ──▶ handshake ──▶ 101 ──▶ tunnel ──▶ both ended, one broken, or nothing moved for too long
 *       ✗ another endpoint     └▶ any other answer: relayed as to a plain request, and the connection ends
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CallError } from '../errors.js';
import { address, type Endpoint } from '../endpoint.js';
import { endPolitely } from '../farewell.js';
import { ServerResponse } from '../node-http.js';
import type { RefusalAnswer } from '../refusal.js';
import type { Answer, Failed } from './answer.js';
import { dialled } from '../dial.js';
import { askedOf, type Asked, type Exchange, type Send, type Sending } from './exchange.js';
import type { ExchangeTerms } from './plain-exchange.js';
import { Reply } from './reply.js';
import { Silence } from '../silence.js';
import { Tunnel, type TunnelParts } from '../tunnel.js';
import type { ShakeHands, Shaken } from './upgrade.js';

export class UpgradeExchange implements Exchange {
  readonly asked: Asked;
  /** Once the handshake was written, nobody knows what it has started. */
  readonly replayable = false;
  readonly staysReplayable = false;
  readonly #app: Socket;
  readonly #early: Buffer;
  readonly #terms: ExchangeTerms;
  readonly #response: ServerResponse;
  readonly #reply: Reply;
  #endpoint: Socket | undefined;
  #tunnelIdleTimeoutMs: number | undefined;
  #bodyTimeoutMs: number | undefined;
  #silence: Silence | undefined;
  #tunnel: Tunnel | undefined;
  #bytes: TunnelParts['bytes'] | undefined;

  constructor(request: IncomingMessage, app: Socket, early: Buffer, terms: ExchangeTerms) {
    this.asked = askedOf(request, true);
    this.#app = app;
    this.#early = early;
    this.#terms = terms;
    this.#response = new ServerResponse(request);
    this.#response.assignSocket(app);
    this.#response.once('finish', () => endPolitely(app, terms.clock));
    this.#reply = new Reply(this.#response, this.asked, () => true);
    // node has let go of the socket, and with it of these two
    app.on('error', () => app.destroy());
    app.on('drain', () => this.#response.emit('drain'));
  }

  onGone(listener: (why: CallError) => void): void {
    this.#reply.onGone(listener);
  }

  async sender(): Promise<Send> {
    const { shakeHands } = await import('./upgrade.js');
    return (endpoint, sending) => this.#send(endpoint, sending, shakeHands);
  }

  async #send(to: Endpoint, sending: Sending, shakeHands: ShakeHands): Promise<Answer | Failed> {
    const { upstream, settings, target, fields, stop } = sending;
    const { clock, maxHeadBytes } = this.#terms;
    const { connectTimeoutMs, responseTimeoutMs } = settings;
    this.#tunnelIdleTimeoutMs = settings.tunnelIdleTimeoutMs;
    this.#bodyTimeoutMs = settings.bodyTimeoutMs;
    this.#bytes = upstream.stats.tunnelled;
    const endpoint = await dialled(to, { clock, connectTimeoutMs, allowHalfOpen: true, usage: upstream.usage }, stop.signal);
    if (endpoint instanceof CallError) {
      const { code, message } = endpoint;
      return { kind: 'failed', code, message, sent: 'nothing', kept: false };
    }
    this.#endpoint = endpoint;
    const inform: Reply['inform'] = (...head) => this.#reply.inform(...head);
    const sockets = { app: this.#app, early: this.#early, endpoint };
    return shakeHands({
      clock,
      ...sockets,
      address: address(to),
      target,
      fields: fields(),
      responseTimeoutMs,
      maxHeadBytes,
      inform,
      stop,
    });
  }

  async relay(answer: Shaken, fields: readonly string[]): Promise<'whole' | CallError> {
    if (answer.open === undefined) {
      this.#watch(answer.body, this.#bodyTimeoutMs, (why) => answer.body.destroy(why));
      const end = await this.#reply.relay({ ...answer, fields });
      this.#endpoint?.destroy();
      return end;
    }
    this.#response.detachSocket(this.#app);
    answer.open(fields);
    const sockets = { app: this.#app, endpoint: this.#endpoint! };
    const terms = { clock: this.#terms.clock, idleTimeoutMs: this.#tunnelIdleTimeoutMs, bytes: this.#bytes! };
    this.#tunnel = new Tunnel({ ...sockets, ...terms }, { websocket: true });
    await this.#tunnel.closed;
    return 'whole';
  }

  /** Ends a tunnel in order. False: it is none. */
  finish(): boolean {
    this.#tunnel?.finish();
    return this.#tunnel !== undefined;
  }

  refuse(answer: RefusalAnswer): Promise<void> {
    return this.#reply.refuse(answer);
  }

  end(): void {
    this.#silence?.end();
  }

  #watch(stream: NodeJS.ReadableStream, limitMs: number | undefined, broken: (why: CallError) => void): void {
    const why = new CallError('body_timeout', `nothing came for ${limitMs ?? 0} ms`);
    this.#silence = new Silence(
      this.#terms.clock,
      () => limitMs,
      () => broken(why),
    );
    stream.on('data', () => this.#silence?.moved());
  }
}
