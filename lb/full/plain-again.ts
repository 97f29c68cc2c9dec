import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { linesOf, withoutNamed } from '../headers.js';

/** An upgrade that is carried as one: GET, HTTP/1.1, to `websocket` and nothing else, without a body. */
export const isWebSocket = ({ method, httpVersion, headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  httpVersion === '1.1' &&
  headers.upgrade?.toLowerCase() === 'websocket' &&
  headers['transfer-encoding'] === undefined &&
  (headers['content-length'] ?? '0') === '0';

/**
 * Puts a request back onto its socket as one that asks for no upgrade: `h2c`, which Java's HttpClient and `curl --http2` offer with
 * every first request, is never tunnelled, and a server may ignore it (RFC 9110, 7.8). Node has stopped parsing at the end of the head,
 * so what follows, body and all, is still unread. Without an Upgrade field it cannot come here a second time.
 */
export function plainAgain({ method, url, httpVersion, rawHeaders }: IncomingMessage, socket: Socket, unread: Buffer): void {
  const head = `${method ?? ''} ${url ?? ''} HTTP/${httpVersion}\r\n${linesOf(withoutNamed(rawHeaders, dropped))}\r\n`;
  socket.unshift(Buffer.concat([Buffer.from(head, 'latin1'), unread]));
}

const dropped: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);
