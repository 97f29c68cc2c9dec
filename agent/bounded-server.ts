/**
 * A small HTTP server that waits for nobody long and holds few connections, for what is asked of the sidecar itself (health, admin).
 *
 * Whoever may reach it can open connections and keep them, so at the bound nobody new is turned away: the connection goes that has been
 * without a request for the longest, and only when all are being answered the one that has been so for the longest. A probe or a scrape,
 * which asks as soon as it is connected, always gets through.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

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
  // the longest so stand first
  const idle = new Set<Socket>();
  const answered = new Set<Socket>();
  const forget = (socket: Socket): boolean => idle.delete(socket) || answered.delete(socket);
  server.on('connection', (socket) => {
    if (idle.size + answered.size >= limits.connections) {
      const [longest] = idle.size > 0 ? idle : answered;
      onEvicted();
      forget(longest!);
      longest!.destroy();
    }
    idle.add(socket);
    socket.once('close', () => forget(socket));
  });
  server.on('request', ({ socket }, response) => {
    if (idle.delete(socket)) answered.add(socket);
    response.once('close', () => {
      if (answered.delete(socket)) idle.add(socket);
    });
  });
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
