/**
 * Questions over TLS, and beside it what a cluster asks of the webhook itself, in plain. What is no question is answered by a status and
 * never by a sidecar: too large, of another type, not JSON, not a review.
 */
import { createServer as createPlain, type Server, type ServerResponse } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { evictIdle } from '../../agent/eviction.js';
import type { InjectOptions } from '../inject/inject.js';
import type { Json } from '../inject/json.js';
import { answer } from './review.js';
import type { Tally } from './tally.js';

/** An API server takes no object of more than 3 MiB; a review holds it twice at most. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_CONNECTIONS = 512;
const MOST_MONITORING = 64;
/** Of each status, one line of log in this time; all are counted. */
const ONCE_IN_MS = 60_000;

export interface Serving {
  readonly options: InjectOptions;
  readonly tally: Tally;
  readonly now: () => number;
  readonly log: (level: 'info' | 'warn', message: string) => void;
  /** It is about to end: whoever asks is to ask somebody else next time. */
  readonly leaving: () => boolean;
}

/** Without a certificate; give it one by `setSecureContext` before it listens. */
export function questions({ options, tally, now, log, leaving }: Serving): TlsServer {
  const server = createServer({
    minVersion: 'TLSv1.2',
    handshakeTimeout: 5_000,
    requestTimeout: 10_000,
    headersTimeout: 5_000,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 120_000,
  });
  evictIdle(server, MOST_CONNECTIONS, () => tally.evicted());
  const loggedAt = new Map<number, number>();
  server.on('request', (request, response) => {
    const reject = (status: number, why: string): void => {
      tally.rejected(status);
      if (now() - (loggedAt.get(status) ?? -ONCE_IN_MS) >= ONCE_IN_MS) {
        loggedAt.set(status, now());
        log('warn', `${status} to ${request.socket.remoteAddress ?? 'somebody'}: ${why}`);
      }
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${why}\n`);
      request.unpipe().resume();
      if (status === 413) request.socket.destroySoon();
    };
    if (request.url?.split('?')[0] !== '/inject') return reject(404, 'pods are asked about at /inject');
    if (request.method !== 'POST') return reject(405, 'pods are asked about by POST');
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
      return reject(415, 'a question is application/json');
    if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES)
      return reject(413, `a question has ${MOST_BYTES} bytes at the most`);
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MOST_BYTES) chunks.push(chunk);
      else if (!response.headersSent) reject(413, `a question has ${MOST_BYTES} bytes at the most`);
    });
    request.on('end', () => {
      if (response.headersSent) return;
      const began = now();
      const question = parse(Buffer.concat(chunks));
      const found = question === undefined ? undefined : answer(question, options);
      if (found === undefined) return reject(400, 'a question is an AdmissionReview of admission.k8s.io/v1');
      const body = JSON.stringify(found.review);
      tally.reviewed(found.result, (now() - began) / 1000);
      log(found.result === 'refused' || found.result === 'failed' ? 'warn' : 'info', `${found.result}: ${found.told}`);
      const headers = { 'content-type': 'application/json', ...(leaving() && { connection: 'close' }) };
      response.writeHead(200, headers).end(body);
    });
    request.on('error', () => response.destroy());
  });
  server.on('tlsClientError', () => undefined); // whoever speaks no TLS hears nothing of us
  server.on('clientError', (_, socket) => socket.destroy());
  return server;
}

function parse(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

/** `/live`, `/ready`, `/metrics`. Ready: it has a certificate and is not about to end. */
export function monitoring(tally: Tally, ready: () => boolean): Server {
  const server = createPlain({ requestTimeout: 10_000, headersTimeout: 5_000 });
  evictIdle(server, MOST_MONITORING, () => tally.evicted());
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    const send = (status: number, text: string): void =>
      void response
        .writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
        .end(request.method === 'HEAD' ? undefined : text);
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'GET and HEAD only\n');
    switch (request.url?.split('?')[0]) {
      case '/live':
      case '/healthz':
        return send(200, 'ok\n');
      case '/ready':
        return ready() ? send(200, 'ok\n') : send(503, 'no certificate yet, or about to end\n');
      case '/metrics':
        return send(200, tally.text());
      default:
        return send(404, '/live, /ready and /metrics are here\n');
    }
  });
  return server;
}
