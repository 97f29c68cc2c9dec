/**
 * Bounds the connections of an HTTP server, plain or TLS, so that whoever may reach it cannot hold it full. At the bound nobody new is turned
 * away: the connection goes that has been without a request for the longest, and only when all are being answered the one that has been so
 * for the longest. A probe or a scrape, which asks as soon as it is connected, always gets through.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

interface Held {
  readonly socket: Socket;
  /** Requests that are being answered. */
  answering: number;
}

/** `onEvicted` is told of each connection that has to go, before it does. */
export function evictIdle(server: Pick<Server, 'on'>, limit: number, onEvicted: () => void): void {
  // the longest so stand first
  const idle = new Map<unknown, Held>();
  const answered = new Map<unknown, Held>();
  server.on('connection', (socket) => {
    if (idle.size + answered.size >= limit) {
      const longest = idle.size > 0 ? idle : answered;
      const [key, held] = longest.entries().next().value!;
      onEvicted();
      longest.delete(key);
      held.socket.destroy();
    }
    const key = peer(socket);
    idle.set(key, { socket, answering: 0 });
    socket.once('close', () => {
      for (const held of [idle, answered]) if (held.get(key)?.socket === socket) held.delete(key);
    });
  });
  server.on('request', ({ socket }, response) => {
    const key = peer(socket);
    const held = idle.get(key) ?? answered.get(key);
    if (held === undefined) return;
    if (held.answering++ === 0) move(key, idle, answered);
    response.once('close', () => {
      if (--held.answering === 0) move(key, answered, idle);
    });
  });
}

const move = (key: unknown, from: Map<unknown, Held>, to: Map<unknown, Held>): void => {
  const held = from.get(key);
  if (held === undefined) return; // it is closed
  from.delete(key);
  to.set(key, held);
};

/** The same for a connection and for the TLS that is spoken over it; a Unix socket has no address, and no TLS. */
const peer = (socket: Socket): unknown =>
  socket.remotePort === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`;
