/**
 * One connection to one endpoint, with at most one exchange on it. Where its bytes land is said in landing.ts; an exchange that has to wait for
 * its app holds the reading up until they have gone, so that nothing piles up.
 *
 *     connecting ──▶ busy ──▶ idle ──▶ busy ──▶ …        closed: from each of them, and for good
 *
 * A connection on which something came that nobody waited for is never used again.
 */
import { connect, Socket, type SocketConstructorOpts } from 'node:net';
import { longestKeepAliveMs, keepAliveMarginMs } from '../bounds.js';
import { explained } from '../dial.js';
import { connectOnceProven, isDoubted, tellDoubt } from '../doubt.js';
import type { Endpoint } from '../endpoint.js';
import { CallError } from '../errors.js';
import type { Slot } from '../limits.js';
import { hearsResets } from '../reset.js';
import type { CallSettings } from '../settings.js';
import type { Deadlines } from './deadlines.js';
import type { Inbox } from './inbox.js';
import { Landing, type Receiver } from './landing.js';
import type { Outbox, Sender } from './outbox.js';
import type { Waiting } from './queue.js';
import type { SpareBuffers } from './spare-buffers.js';
import type { TurnClock } from './turn-clock.js';

/** Who uses a connection, and is told what happens on it. */
export interface Exchange {
  connected(): void;
  /** Bytes have come, and lie in `connection.bytes`. False: no more is read until `resume`. */
  received(from: number, to: number): boolean;
  /** What was posted has not left yet. */
  stuck(): void;
  /** All that was written has left. Told after a `write` that said false, and after `stuck`. */
  written(): void;
  /** The endpoint ends its side in order; nothing more comes. The connection is closed. */
  ended(): void;
  /** It could not be connected, or it broke. The connection is closed. */
  broke(why: CallError): void;
}

/** Where an endpoint is, and its connections that wait for an exchange: the most recently used last. */
export interface Place {
  readonly address: string;
  readonly idle: Connection[];
}

/** Where it is kept for the next exchange. */
export interface Home {
  keep(connection: Connection): void;
  forget(connection: Connection): void;
}

export interface ConnectionParts {
  readonly clock: TurnClock;
  readonly deadlines: Deadlines;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly spare: SpareBuffers;
}

const nothing = Buffer.alloc(0);

export class Connection implements Receiver, Sender, Waiting {
  readonly place: Place;
  readonly socket: Socket;
  waits = false;
  /** It has carried an exchange before. */
  reused = false;
  idle = false;
  before: this | undefined;
  behind: this | undefined;
  /** When it is closed if nothing happens: not connected, or not used. */
  dueAt: number;
  readonly #endpoint: Endpoint;
  readonly #settings: CallSettings;
  readonly #home: Home;
  readonly #slot: Slot;
  readonly #parts: ConnectionParts;
  /** Of an endpoint that has to prove first who it is. */
  readonly #stopAsking: (() => void) | undefined;
  #exchange: Exchange | undefined;
  readonly #landing: Landing;
  #connected = false;
  #retired = false;
  #closed = false;

  constructor(
    endpoint: Endpoint,
    place: Place,
    settings: CallSettings,
    exchange: Exchange,
    home: Home,
    slot: Slot,
    parts: ConnectionParts,
  ) {
    this.place = place;
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#exchange = exchange;
    this.#home = home;
    this.#slot = slot;
    this.#parts = parts;
    this.#landing = new Landing(this, parts.inbox, parts.spare);
    this.dueAt = this.#due(settings.connectTimeoutMs, parts.clock.now());
    const { host, port } = endpoint;
    const onread = { buffer: this.#landing.buffer, callback: this.#read };
    const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, onread };
    this.socket = isDoubted(endpoint) ? new Socket(options as SocketConstructorOpts) : connect(options);
    hearsResets(this.socket);
    this.socket.on('connect', () => {
      this.#connected = true;
      slot.connected();
      this.dueAt = Infinity;
      this.#exchange?.connected();
    });
    this.socket.on('end', () => this.#end((was) => was.ended()));
    this.socket.on('error', (error) => this.#end((was) => was.broke(this.#named(error))));
    this.socket.on('close', () => this.#end((was) => was.ended()));
    if (isDoubted(endpoint))
      this.#stopAsking = connectOnceProven(this.socket, options, endpoint, (why) => this.#end((was) => was.broke(why)));
  }

  reuse(exchange: Exchange): void {
    this.#exchange = exchange;
    this.reused = true;
    this.idle = false;
    this.dueAt = Infinity;
  }

  get address(): string {
    return this.place.address;
  }

  /** What was read lies in here, behind some room. */
  get bytes(): Buffer {
    return this.#landing.bytes;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** False: the bytes have not left yet, and must stay as they are until `written` is told. */
  write(bytes: Uint8Array | string): boolean {
    this.#parts.outbox.flush();
    this.socket.write(bytes, 'latin1');
    if (this.socket.writableLength === 0) return true;
    this.socket.write(nothing, this.#written);
    return false;
  }

  stuck(): void {
    this.socket.write(nothing, this.#written);
    this.#exchange?.stuck();
  }

  /** The bytes before `to` stay as they are, and the next read lands behind them. */
  hold(to: number): void {
    this.#landing.hold(to);
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** The exchange has ended, its last byte has left, and the endpoint keeps the connection for as long (-1: it does not say; 0: not). */
  release(keepAliveMs: number, now: number): void {
    this.#exchange = undefined;
    this.#landing.used();
    const { idleTimeoutMs } = this.#settings;
    const ms = keepAliveMs < 0 ? idleTimeoutMs : Math.min(keepAliveMs - keepAliveMarginMs, longestKeepAliveMs);
    if (this.#retired || this.#closed || (ms !== undefined && ms <= 0)) return this.close();
    this.idle = true;
    this.dueAt = this.#due(ms, now);
    this.#home.keep(this);
  }

  /** Takes no other exchange. */
  retire(): void {
    this.#retired = true;
    if (this.idle) this.close();
  }

  /** At once, and nobody is told. */
  close(): void {
    this.#exchange = undefined;
    if (this.#closed) return;
    this.#closed = true;
    this.idle = false;
    this.#stopAsking?.();
    this.socket.destroy();
    this.#landing.close();
    this.#slot.leave();
    this.#home.forget(this);
  }

  /** Acts on what is overdue; the time at which something is due. */
  look(now: number): number {
    if (now < this.dueAt) return this.dueAt;
    if (this.idle) this.close();
    else {
      const late = `no connection to ${this.address} in ${this.#settings.connectTimeoutMs ?? 0} ms`;
      const why = new CallError('connect_timeout', late);
      tellDoubt(this.#endpoint, why);
      this.#end((was) => was.broke(why));
    }
    return Infinity;
  }

  readonly #read = (count: number): boolean => {
    if (this.waits) return this.#answeredUnasked();
    if (this.#exchange !== undefined) return this.#landing.read(count);
    this.close();
    return false;
  };

  /** Nobody wants it any more if what others have read meanwhile has ended the exchange. */
  received(from: number, to: number): boolean {
    return this.#exchange?.received(from, to) ?? false;
  }

  /** What comes before the request has left is no answer to it. */
  #answeredUnasked(): false {
    this.#end((was) => was.broke(new CallError('reset', `${this.address} sent something before it was asked`)));
    return false;
  }

  readonly #written = (error?: Error | null): void => {
    if (!error && this.socket.writableLength === 0) this.#exchange?.written();
  };

  #end(tell: (exchange: Exchange) => void): void {
    this.#landing.work(); // what has come before the end
    const exchange = this.#exchange;
    this.close();
    if (exchange !== undefined) tell(exchange);
  }

  #named(error: Error): CallError {
    if (!this.#connected) {
      const why = explained(error, this.#endpoint);
      tellDoubt(this.#endpoint, why);
      return why;
    }
    return new CallError('reset', `${this.address} broke the connection: ${error.message}`, { cause: error });
  }

  #due(ms: number | undefined, now: number): number {
    if (ms === undefined) return Infinity;
    const at = now + ms;
    this.#parts.deadlines.by(at);
    return at;
  }
}
