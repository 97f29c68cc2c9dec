/**
 * The handshake of an upgrade to `websocket` and the tunnel after it, by http-proxy (its only importer). http-proxy makes the request;
 * the two sockets it couples are uncoupled again for a tunnel of ours, and what it would get wrong is taken from it:
 *
 * - it connects by itself, and ends the app's socket when that fails: it gets a socket that is connected, so that before anything was
 *   sent another endpoint can still be tried;
 * - it sends node's merged headers and a path of its own joining: both are replaced before they are written;
 * - it takes any 101, and relays other answers in a framing that they do not have: it hears of a 101 when we have looked at it, and of
 *   no other answer and no failure at all.
 */
import { mostInformational } from '../bounds.js';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import httpProxy from 'http-proxy';
import { CallError } from '../errors.js';
import { Agent } from '../node-http.js';
import type { Clock } from '../ports.js';
import { alarm } from '../alarm.js';
import { answerFault, isReason, type Answer, type Failed, type Inform } from './answer.js';
import type { Stop } from './stop.js';

export interface Handshake {
  readonly clock: Clock;
  /** Upgraded by the app, with what it sent early. */
  readonly app: Socket;
  readonly early: Buffer;
  /** Connected, and nobody else's. Destroyed when this fails. */
  readonly endpoint: Socket;
  /** Of the endpoint, for people. */
  readonly address: string;
  readonly target: string;
  /** Flat raw pairs, Host, Connection and Upgrade among them. */
  readonly fields: readonly string[];
  readonly responseTimeoutMs: number | undefined;
  readonly maxHeadBytes: number;
  readonly inform: Inform;
  readonly stop: Stop;
}

/** A 101 comes with `open`, which tells the app of it, with these fields; the sockets are a tunnel's then. */
export type Shaken = Answer & { readonly open?: (fields: readonly string[]) => void };

/** Never rejects. Everything was sent, whatever comes of it. */
export type ShakeHands = (handshake: Handshake) => Promise<Shaken | Failed>;

export const shakeHands: ShakeHands = (handshake) =>
  new Promise((resolve) => {
    const { clock, app, early, endpoint, address, responseTimeoutMs, inform, stop } = handshake;
    let hearNoMore = (): void => undefined;
    const settle = (result: Shaken | Failed): void => {
      stopAlarm();
      hearNoMore();
      if (result.kind === 'failed') endpoint.destroy();
      resolve(result);
    };
    const fail = ({ code, message }: CallError): void => settle({ kind: 'failed', code, message, sent: 'all', kept: false });
    const stopped = (): void => fail(stop.reason!);
    const stopAlarm = alarm(clock, responseTimeoutMs, () =>
      fail(new CallError('response_timeout', `no answer from ${address} in ${responseTimeoutMs ?? 0} ms`)),
    );
    if (stop.reason !== undefined) return stopped();
    hearNoMore = stop.heard(stopped);

    let informational = 0;
    const proxy = httpProxy.createProxyServer();
    proxy.on('proxyReqWs', (request) => {
      replaceHead(request, handshake);
      const hear = request.emit.bind(request) as (event: string, ...args: unknown[]) => boolean;
      request.emit = (event: string, ...args: unknown[]): boolean => {
        if (event === 'error') fail(broken(args[0] as NodeJS.ErrnoException, address));
        else if (event === 'information') {
          const { statusCode, statusMessage, rawHeaders } = args[0] as IncomingMessage;
          if (++informational > mostInformational) fail(bad(address, 'it sends no end of 1xx heads'));
          else if (!isReason(statusMessage ?? ''))
            fail(bad(address, 'there is a control character in the first line of a 1xx head'));
          else if (statusCode !== 100) inform(statusCode ?? 0, statusMessage ?? '', rawHeaders);
        } else if (event === 'response') judged(args[0] as IncomingMessage, address, settle, fail);
        else if (event === 'upgrade') {
          const response = args[0] as IncomingMessage;
          if (response.headers.upgrade?.toLowerCase() !== 'websocket')
            fail(new CallError('bad_upgrade', `${address} switched to another protocol than websocket`));
          else
            settle({
              ...answerOf(response),
              open: (fields) => {
                response.headers = grouped(fields);
                withoutItsEnds([app, endpoint], () => hear('upgrade', ...args));
              },
            });
        } else return hear(event, ...args);
        return true;
      };
    });
    // all that http-proxy needs to believe; the real head is written by replaceHead
    const asked = { method: 'GET', url: '/', headers: { upgrade: 'websocket' } } as unknown as IncomingMessage;
    const target = { protocol: 'http:', host: endpoint.remoteAddress ?? '', port: endpoint.remotePort ?? 0 };
    proxy.ws(asked, app, early, { target, agent: new Connected(endpoint) }, () => undefined);
  });

/**
 * When one side breaks http-proxy ends the other in order, as if that were all: what it listens to is left to the tunnel, and so is the
 * coupling.
 */
function withoutItsEnds(sockets: readonly Socket[], couple: () => void): void {
  const before = sockets.map((socket) => socket.listeners('error'));
  couple();
  for (const socket of sockets) socket.unpipe();
  for (const [index, socket] of sockets.entries())
    for (const listener of socket.listeners('error'))
      if (!before[index]!.includes(listener)) socket.off('error', listener as (error: Error) => void);
}

/** Any other answer than a 101 is as good as to a plain request. */
function judged(
  response: IncomingMessage,
  address: string,
  settle: (answer: Answer) => void,
  fail: (error: CallError) => void,
): void {
  const fault = answerFault(response.statusCode ?? 0, response.statusMessage ?? '', response.rawHeaders);
  if (fault === undefined) settle(answerOf(response));
  else fail(bad(address, fault));
}

const answerOf = (response: IncomingMessage): Answer => ({
  kind: 'answer',
  sent: 'all',
  status: response.statusCode ?? 0,
  reason: response.statusMessage ?? '',
  fields: response.rawHeaders,
  body: response,
  waiting: () => !response.complete && !response.isPaused(),
  trailers: () => response.rawTrailers,
});

/** What we were asked to send goes out, and what comes back is bounded: http-proxy has no way to be told either. */
function replaceHead(request: ClientRequest, { target, fields, maxHeadBytes }: Handshake): void {
  for (const name of request.getHeaderNames()) request.removeHeader(name);
  for (const [name, values] of Object.entries(grouped(fields))) request.setHeader(name, values);
  request.path = target;
  request.maxHeadersCount = 0; // node would drop those beyond its count without a word; the size is bound enough
  Object.assign(request, { maxHeaderSize: maxHeadBytes });
}

/** By the first spelling of each name, which is how node and http-proxy take them. No prototype: the names are a stranger's. */
function grouped(fields: readonly string[]): Record<string, string[]> {
  const spelling = new Map<string, string>();
  const groups = Object.create(null) as Record<string, string[]>;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const lower = fields[index]!.toLowerCase();
    const name = spelling.get(lower) ?? fields[index]!;
    spelling.set(lower, name);
    (groups[name] ??= []).push(fields[index + 1]!);
  }
  return groups;
}

function broken({ code = '', message }: NodeJS.ErrnoException, address: string): CallError {
  if (!code.startsWith('HPE_')) return new CallError('reset', `${address} broke the connection: ${message}`);
  return bad(address, message);
}

const bad = (address: string, why: string): CallError =>
  new CallError('bad_answer', `${address} sent an answer that cannot be passed on: ${why}`);

/** Gives the one socket that it has. */
class Connected extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }
}
