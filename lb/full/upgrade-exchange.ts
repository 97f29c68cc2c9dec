/**
 * An upgrade as the loop sees it. Until something was sent it is a call like any other; after the 101 it is a tunnel of bytes that
 * holds its lease until both sides are closed:
 *
 *     dial ──▶ handshake ──▶ 101 ──▶ tunnel ──▶ both ended, one broken, or nothing moved for too long
 *       ✗ another endpoint     └▶ any other answer: relayed as to a plain request, and the connection ends
 */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CallError } from '../errors.js';
import { address, type Endpoint } from '../endpoint.js';
import type { RefusalAnswer } from '../refusal.js';
import type { Answer, Failed } from './answer.js';
import { dial } from '../dial.js';
import type { Asked, Exchange, Sending } from './exchange.js';
import type { ExchangeTerms } from './plain-exchange.js';
import { Reply } from './reply.js';
import { Silence } from './silence.js';
import { shakeHands, type Shaken } from './upgrade.js';
import { endPolitely } from './visit.js';

export class UpgradeExchange implements Exchange {
  readonly asked: Asked;
  /** Once the handshake was written, nobody knows what it has started. */
  readonly replayable = false;
  readonly #app: Socket;
  readonly #early: Buffer;
  readonly #terms: ExchangeTerms;
  readonly #response: ServerResponse;
  readonly #reply: Reply;
  #endpoint: Socket | undefined;
  #tunnelIdleTimeoutMs: number | undefined;
  #bodyTimeoutMs: number | undefined;
  #silence: Silence | undefined;

  constructor(request: IncomingMessage, app: Socket, early: Buffer, terms: ExchangeTerms) {
    const { method = '', url = '', httpVersion, rawHeaders } = request;
    this.asked = { method, target: url, version: httpVersion, raw: rawHeaders, upgrade: true };
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

  async send(to: Endpoint, { settings, target, fields, stop }: Sending): Promise<Answer | Failed> {
    const { clock, maxHeadBytes } = this.#terms;
    const { connectTimeoutMs, responseTimeoutMs } = settings;
    this.#tunnelIdleTimeoutMs = settings.tunnelIdleTimeoutMs;
    this.#bodyTimeoutMs = settings.bodyTimeoutMs;
    const endpoint = await connected(to, { clock, connectTimeoutMs }, stop);
    if ('kind' in endpoint) return endpoint;
    this.#endpoint = endpoint;
    const inform: Reply['inform'] = (...head) => this.#reply.inform(...head);
    const sockets = { app: this.#app, early: this.#early, endpoint };
    return shakeHands({ clock, ...sockets, address: address(to), target, fields, responseTimeoutMs, maxHeadBytes, inform, stop });
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
    return this.#tunnel(this.#app, this.#endpoint!);
  }

  refuse(answer: RefusalAnswer): Promise<void> {
    return this.#reply.refuse(answer);
  }

  end(): void {
    this.#silence?.end();
  }

  /** Ends with the sockets. An orderly end of one side is passed on by the coupling, and what it still has to send is sent. */
  async #tunnel(app: Socket, endpoint: Socket): Promise<'whole'> {
    this.#watch(app, this.#tunnelIdleTimeoutMs, () => (app.destroy(), endpoint.destroy()));
    endpoint.on('data', () => this.#silence?.moved());
    await Promise.all([closed(app, endpoint), closed(endpoint, app)]);
    return 'whole';
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

const connected = (to: Endpoint, options: Parameters<typeof dial>[1], stop: AbortSignal): Promise<Socket | Failed> =>
  new Promise((resolve) => {
    const giveUp = dial(to, { ...options, allowHalfOpen: true }, (socket) => {
      stop.removeEventListener('abort', giveUp);
      if (!stop.aborted && !(socket instanceof CallError)) return resolve(socket);
      if (!(socket instanceof CallError)) socket.destroy();
      const { code, message } = stop.aborted ? (stop.reason as CallError) : (socket as CallError);
      resolve({ kind: 'failed', code, message, sent: 'nothing', kept: false });
    });
    stop.addEventListener('abort', giveUp);
  });

/** Resolves when `one` is closed. If it did not end in order, the other is closed as well. */
const closed = (one: Socket, other: Socket): Promise<void> =>
  new Promise((resolve) => {
    const gone = (): void => {
      if (!one.readableEnded) other.destroy();
      resolve();
    };
    if (one.closed) return gone();
    one.on('error', () => one.destroy());
    one.once('close', gone);
  });
