/**
 * The listener that Kubernetes, load balancers and Prometheus ask: /live, /ready, /metrics. It stands where the whole network may reach
 * it, so it only tells, holds few connections, and waits for nobody long.
 *
 * Alive means that the event loop answers; being asked is the proof. Ready is somebody else's decision (see the conventions in the
 * README): neither the app's verdict nor the session is part of it, or a lost ZooKeeper would take every pod out at once.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { DropArgument } from 'node:net';
import type { Listener } from './config/addresses.js';
import { listen, type Listening } from './listen.js';

export interface HealthViews {
  /** `why` is one sentence; it is shown either way. */
  ready(): { readonly ready: boolean; readonly why: string };
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
}

export interface Limits {
  readonly connections: number;
  /** For the head of a request to arrive. */
  readonly headMs: number;
  /** For the whole request to arrive. */
  readonly requestMs: number;
  /** Between two requests of a connection. */
  readonly idleMs: number;
  /** Without a byte in either direction, whatever is going on. */
  readonly silenceMs: number;
  /** How often the first two are looked at. */
  readonly lookMs: number;
}

export const LIMITS: Limits = {
  connections: 128,
  headMs: 5_000,
  requestMs: 10_000,
  idleMs: 5_000,
  silenceMs: 30_000,
  lookMs: 1_000,
};

/** A small HTTP server that waits for nobody long. `warn` is told when it first turns a connection away because it holds too many. */
export function makeBoundedServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  limits: Limits,
  warn: (why: string) => void,
): Server {
  const server = createServer(
    {
      headersTimeout: limits.headMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.lookMs,
      maxHeaderSize: 16 * 1024,
    },
    handle,
  );
  server.maxConnections = limits.connections;
  server.setTimeout(limits.silenceMs);
  server.once('drop', (refused: DropArgument | undefined) => {
    const at = `port ${refused?.localPort ?? '(a socket file)'}`;
    warn(`${at} holds ${limits.connections} connections, which is its bound: more are closed at once, and this is told once`);
  });
  return server;
}

const plain = 'text/plain; charset=utf-8';
const paths = ['/live', '/healthz', '/ready', '/metrics'];

export function serveHealth(
  views: HealthViews,
  listeners: readonly Listener[],
  warn: (why: string) => void,
  limits: Limits = LIMITS,
): Promise<Listening> {
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answer(views, request).then(
      ({ status, type, text, allow }) => {
        response.writeHead(status, {
          'content-type': type,
          'content-length': Buffer.byteLength(text),
          'cache-control': 'no-store',
          ...(allow === undefined ? {} : { allow }),
        });
        response.end(text); // node leaves the body out for HEAD
      },
      (error: unknown) => {
        warn(`the health listener could not answer ${request.url ?? ''}: ${String(error)}`);
        response.writeHead(500, { 'content-type': plain }).end('a fault of ours\n');
      },
    );
  };
  return listen(() => makeBoundedServer(handle, limits, warn), listeners, 'ZIDECAR_HEALTH', warn);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly allow?: string;
}

const say = (status: number, sentence: string): Answer => ({ status, type: plain, text: `${sentence}\n` });

async function answer(views: HealthViews, request: IncomingMessage): Promise<Answer> {
  const path = (request.url ?? '/').split('?')[0]!;
  if (!paths.includes(path)) return say(404, `nothing here; ask for one of ${paths.join(' ')}`);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { ...say(405, 'this listener only tells: GET and HEAD'), allow: 'GET, HEAD' };
  if (path === '/metrics') return { status: 200, ...(await views.metrics()) };
  if (path !== '/ready') return say(200, 'alive');
  const { ready, why } = views.ready();
  return say(ready ? 200 : 503, why);
}
