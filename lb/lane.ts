/**
 * A lane carries the exchanges of an app's connection. The full lane can do everything; a fast one would take the connections whose
 * exchanges are plain, and hand a socket on, with its unread bytes put back by `unshift`, the moment one is not.
 */
import type { Socket } from 'node:net';

/** Where a connection came in. */
export interface Entrance {
  /** The only upstream that is served there; undefined: the request names it. */
  readonly upstream?: string | undefined;
}

export interface Lane {
  /** Connections of the app, with an exchange or without. */
  readonly connections: number;
  /** Calls that run now. A tunnel is one until it is closed. */
  readonly calls: number;
  /** Owns the socket from now on, and everything that happens on it. */
  take(socket: Socket, entrance: Entrance): void;
  /** Serves on, but every answer is the last of its connection, and idle connections end. Asking again changes nothing. */
  drain(): void;
  /** Cuts what still runs; tunnels end in order, for a while. Resolves when nothing is open. */
  close(): Promise<void>;
}
