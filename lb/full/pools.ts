/**
 * The connections to the endpoints of one upstream: made when a call needs one, kept for the next call, the most recently used first
 * (so that those beyond the need grow old and close). One undici Client is one connection, with one exchange on it at a time.
 *
 * The bound is the upstream's (limits.ts): where it is reached, the idle one that has waited longest is closed before another is made, and
 * where none is idle there is none to be had. Calls do not queue here.
 *
 * Three habits of undici 7 are set right here: it would take a reset in the middle of an answer that ends with its connection for its
 * end (and would break an assertion when that answer is paused); it would fail a call that was still unsent when its kept connection
 * was reset; and it reads answers that others read otherwise (answer-gate.ts).
 */
import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { longestKeepAliveMs, keepAliveMarginMs } from '../bounds.js';
import { address, type Endpoint } from '../endpoint.js';
import { CallError } from '../errors.js';
import type { Usage } from '../limits.js';
import type { Clock } from '../ports.js';
import type { CallSettings } from '../settings.js';
import { longestTimerMs } from '../alarm.js';
import { dial } from '../dial.js';
import { guarded, type AnswerGate } from './answer-gate.js';

export interface PoolOptions {
  readonly clock: Clock;
  readonly maxHeadBytes: number;
  readonly usage: Usage;
}

/** What holds for a connection from when it is made: how long its connect may take, and its waits for a call where the endpoint does not say. */
export type ConnectionSettings = Pick<CallSettings, 'connectTimeoutMs' | 'idleTimeoutMs'>;
type ConnectionOptions = PoolOptions & ConnectionSettings;

export class Pools {
  readonly #options: PoolOptions;
  readonly #used: () => () => void;
  #empty: () => void = () => undefined;
  readonly #open = new Set<Connection>();
  /** By address, the most recently used last. */
  readonly #idle = new Map<string, Connection[]>();

  /** `used` is told when there is a first connection; what it returns, when the last has gone. */
  constructor(options: PoolOptions, used: () => () => void = () => () => undefined) {
    this.#options = options;
    this.#used = used;
  }

  /** Open connections, idle ones included. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * A connection that is the caller's until its exchange has ended. Not connected yet, perhaps: `open` sees to that. Undefined: the
   * limit is reached.
   */
  take(endpoint: Endpoint, { connectTimeoutMs, idleTimeoutMs }: ConnectionSettings): Connection | undefined {
    const kept = this.#idle.get(address(endpoint))?.pop();
    if (kept !== undefined) {
      kept.idle = false;
      kept.reused = true;
      kept.endpoint = endpoint;
      return kept;
    }
    const { usage, clock } = this.#options;
    const slot = usage.slot(clock.now());
    if (slot === undefined) return undefined;
    if (this.#open.size === 0) this.#empty = this.#used();
    const options = { ...this.#options, connectTimeoutMs, idleTimeoutMs };
    const connection: Connection = new Connection(endpoint, options, {
      connected: () => slot.connected(),
      idle: () => this.#keep(connection),
      closed: () => {
        slot.leave();
        this.#forget(connection);
      },
    });
    this.#open.add(connection);
    return connection;
  }

  /** These endpoints get no more calls: their idle connections close now, the others when their exchange has ended. */
  drop(gone: readonly Endpoint[]): void {
    const addresses = new Set(gone.map(address));
    for (const connection of this.#open) if (addresses.has(connection.address)) connection.retire();
  }

  /** Closes the idle one that has waited longest. False: none is idle. */
  closeIdle(): boolean {
    const oldest = this.#oldestIdle();
    oldest?.close();
    return oldest !== undefined;
  }

  /** Cuts what still runs. */
  close(): void {
    for (const connection of this.#open) connection.close();
  }

  #keep(connection: Connection): void {
    if (connection.idle) return;
    connection.idle = true;
    // back to the end of the set: its order is the order of the last use
    this.#open.delete(connection);
    this.#open.add(connection);
    const others = this.#idle.get(connection.address);
    if (others === undefined) this.#idle.set(connection.address, [connection]);
    else others.push(connection);
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const left = this.#idle.get(connection.address)?.filter((other) => other !== connection) ?? [];
    if (left.length > 0) this.#idle.set(connection.address, left);
    else this.#idle.delete(connection.address);
    if (this.#open.size === 0) this.#empty();
  }

  #oldestIdle(): Connection | undefined {
    for (const connection of this.#open) if (connection.idle) return connection;
    return undefined;
  }
}

/** Who keeps a connection. */
interface Told {
  connected(): void;
  idle(): void;
  closed(): void;
}

/** One connection to one endpoint, and at most one exchange on it. */
export class Connection {
  readonly address: string;
  /** As it stood in the list when a call took this connection: undici may connect anew for a call that is still unsent. */
  endpoint: Endpoint;
  /** Kept by the pool: no call has it. */
  idle = false;
  /** It has carried a call before. */
  reused = false;
  readonly #client: Client;
  readonly #told: Told;
  readonly #options: ConnectionOptions;
  #opening = false;
  /** Connected for the call that is about to be dispatched; undici takes it from here. */
  #dialled: Socket | undefined;
  #connected = false;
  #retired = false;
  #closed = false;
  #giveUp: () => void = () => undefined;
  #socket: Socket | undefined;
  #gate: AnswerGate | undefined;

  constructor(endpoint: Endpoint, options: ConnectionOptions, told: Told) {
    this.address = address(endpoint);
    this.endpoint = endpoint;
    this.#told = told;
    this.#options = options;
    this.#client = new Client(`http://${this.address}`, {
      connect: (_, callback) => {
        const connected = (socket: Socket): void => {
          this.#socket = socket;
          this.#gate = prepared(socket, options.maxHeadBytes);
          callback(null, socket);
        };
        const dialled = this.#dialled;
        this.#dialled = undefined;
        if (dialled !== undefined) return queueMicrotask(() => connected(dialled)); // undici does not look again before it returns
        this.#dial((socket) => (socket instanceof CallError ? callback(socket, null) : connected(socket)));
      },
      pipelining: 1,
      keepAliveTimeout: Math.min(options.idleTimeoutMs ?? longestTimerMs, longestTimerMs),
      keepAliveMaxTimeout: longestKeepAliveMs,
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      maxHeaderSize: options.maxHeadBytes,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#client.on('connect', () => {
      this.#connected = true;
      told.connected();
    });
    this.#client.on('disconnect', () => {
      this.#connected = false;
      if (this.#client.stats.size === 0) this.close(); // else undici connects again, or its call has failed and 'drain' follows
    });
    this.#client.on('drain', () => this.#settle());
  }

  /** Calls back once: when it is connected, at once if it is, or with why it cannot be. Nothing of a request is fixed before. */
  open(ready: (failure?: CallError) => void): void {
    if (this.#connected) return ready();
    this.#opening = true;
    this.#dial((socket) => {
      this.#opening = false;
      if (socket instanceof CallError) return ready(socket);
      this.#dialled = socket;
      ready();
    });
  }

  #dial(done: (result: Socket | CallError) => void): void {
    this.#giveUp = dial(this.endpoint, this.#options, (result) =>
      done(this.#closed ? new CallError('local', `the connection to ${this.address} was closed before it was made`) : result),
    );
  }

  /** Sends a request. The handler hears of everything that becomes of it; after the last word the connection is not the caller's. */
  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, handler);
    if (this.#client.stats.size === 0) this.#settle(); // refused by undici's own checks: no 'drain' will follow
  }

  /** The request to `target` is about to be written: what is read from here on is its answer. */
  expectAnswer(target: string): void {
    this.#gate?.begin();
    if (target === '*' && this.#socket !== undefined) toServerItself(this.#socket);
  }

  /** The final head is of HTTP/1.0. */
  get old(): boolean {
    return this.#gate?.old ?? false;
  }

  /** Of the head that has just been parsed. */
  reason(): string {
    return this.#gate?.reason() ?? '';
  }

  /** So much data of the answer's body has come. */
  bodyCame(length: number): void {
    this.#gate?.data(length);
  }

  /** Takes no other call. */
  retire(): void {
    this.#retired = true;
    if (this.#client.stats.size === 0 && !this.#opening) this.close();
  }

  /** An exchange that runs fails. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveUp();
    this.#dialled?.destroy();
    this.#client.destroy(() => undefined);
    this.#told.closed();
  }

  #settle(): void {
    if (this.#closed) return;
    if (this.#retired || !this.#connected) this.close();
    else this.#told.idle();
  }
}

/** Undici writes no `OPTIONS *`, so it was given a path: its head, which it writes next and at one go, gets its target here. */
function toServerItself(socket: Socket): void {
  const write = socket.write.bind(socket) as (head: string, encoding: BufferEncoding) => boolean;
  socket.write = (head: unknown, encoding?: unknown): boolean => {
    Reflect.deleteProperty(socket, 'write');
    return write(String(head).replace(/^OPTIONS \/ /, 'OPTIONS * '), encoding as BufferEncoding);
  };
}

/** To undici any trouble that the system tells of is to be one and the same: the connection is gone. */
function prepared(socket: Socket, maxHeadBytes: number): AnswerGate {
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.syscall !== undefined) error.code = 'UND_ERR_SOCKET';
  });
  return guarded(socket, maxHeadBytes);
}
