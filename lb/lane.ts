/**
 * A lane carries the exchanges of an app's connection. The full lane can do everything; the fast one takes every connection first, and
 * hands it on, with its unread bytes put back by `unshift`, the moment an exchange is not plain.
 */
import type { Socket } from 'node:net';
import type { LastCalls } from './last-calls.js';
import type { Clock, Emit, Random } from './ports.js';
import type { Refused } from './refusal.js';
import type { CallSettings } from './settings.js';
import type { UpstreamStats } from './stats.js';
import type { Upstream } from './upstream.js';

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
  /** Calls that it has carried so far, those that run included. */
  readonly carried: number;
  /** Owns the socket from now on, and everything that happens on it. */
  take(socket: Socket, entrance: Entrance): void;
  /** Serves on, but every answer is the last of its connection, and idle connections end. Asking again changes nothing. */
  drain(): void;
  /** Cuts what still runs; tunnels end in order, for a while. Resolves when nothing is open. */
  close(): Promise<void>;
}

/** The upstream of a name, or why there is none. `absolute`: the request came as to a proxy (`http_proxy`), so `no_proxy` may help. */
export type Lookup = (name: string, absolute: boolean) => Upstream | Refused;

/** What every call is carried with. */
export interface CallParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly lookup: Lookup;
  readonly settings: (upstream: string) => CallSettings;
  /** The suffix that is taken off a Host. */
  readonly domain: string;
  /** Lower-case hosts under which the listeners are known, beside `localhost` and addresses. */
  readonly own: ReadonlySet<string>;
  /** Who we are in Via. Another sidecar's differs. */
  readonly pseudonym: string;
  readonly forwardedFor: string | undefined;
  readonly maxFields: number;
  /** Counts the calls that were for no upstream. */
  readonly strays: UpstreamStats;
  readonly lastCalls: LastCalls;
  /** `call_ended` is told. */
  readonly accessLog: boolean;
  /** `attempt_ended` is told now. */
  readonly traced: () => boolean;
}

export interface LaneOptions {
  readonly headerTimeoutMs: number | undefined;
  readonly clientIdleTimeoutMs: number | undefined;
  readonly maxHeadBytes: number;
  /** How long an app may go on with a body after it has the whole answer. Default 30 s. */
  readonly uploadLingerMs?: number;
}
