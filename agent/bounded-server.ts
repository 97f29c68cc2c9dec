/**
 * A small HTTP server that waits for nobody long and holds few connections (eviction.ts), for what is asked of the sidecar itself (health,
 * admin).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from '../lb/node-http.js';
import { evictIdle } from './eviction.js';

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

/** `onEvicted` is told of each connection that had to go, before it does. */
export function makeBoundedServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  limits: Limits,
  onEvicted: () => void,
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
  server.setTimeout(limits.silenceMs);
  evictIdle(server, limits.connections, onEvicted);
  return server;
}

/** What a listener tells when a connection had to go. */
export const evicted = (what: 'health' | 'admin', { connections }: Limits) =>
  ({
    kind: 'bound_reached',
    bound: `connections of the ${what} listener`,
    limit: connections,
    detail: 'the longest idle one is closed for each new one',
  }) as const;
