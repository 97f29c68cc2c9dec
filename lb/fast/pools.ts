/**
 * The connections of this lane to the endpoints of one upstream: made when a call needs one, kept for the next, the most recently used
 * first, so that those beyond the need grow old and close. There are never more than calls were in flight at one time.
 *
 * The bound is the upstream's (limits.ts): where it is reached, the idle one that has waited longest goes before another is made, and where
 * none is idle there is none to be had. Calls do not queue here.
 */
import { address, type Endpoint } from '../endpoint.js';
import type { CallSettings } from '../settings.js';
import type { Usage } from '../limits.js';
import { Connection, type ConnectionParts, type Exchange, type Home } from './connection.js';
import { Queue } from './queue.js';

export interface PoolsParts extends ConnectionParts {
  readonly usage: Usage;
  /** Told when the first connection is there, and when the last has gone. */
  readonly used: (pools: Pools) => void;
  readonly empty: (pools: Pools) => void;
}

export class Pools implements Home {
  readonly #parts: PoolsParts;
  readonly #open = new Set<Connection>();
  /** By address, the most recently used last. */
  readonly #idle = new Map<string, Connection[]>();
  readonly #waiting = new Queue<Connection>();
  /** An endpoint's address is asked for with each call. */
  readonly #addresses = new WeakMap<Endpoint, string>();

  constructor(parts: PoolsParts) {
    this.#parts = parts;
  }

  /** Open connections, idle ones included. */
  get size(): number {
    return this.#open.size;
  }

  addressOf(endpoint: Endpoint): string {
    const known = this.#addresses.get(endpoint);
    if (known !== undefined) return known;
    const made = address(endpoint);
    this.#addresses.set(endpoint, made);
    return made;
  }

  /** A connection that is the exchange's until it lets go of it. A new one is not connected yet: it tells the exchange when it is. */
  take(endpoint: Endpoint, settings: CallSettings, exchange: Exchange): Connection | undefined {
    const at = this.addressOf(endpoint);
    const kept = this.#idle.get(at)?.pop();
    if (kept !== undefined) {
      this.#waiting.remove(kept);
      kept.reuse(exchange);
      return kept;
    }
    const slot = this.#parts.usage.slot(this.#parts.clock.now());
    if (slot === undefined) return undefined;
    if (this.#open.size === 0) this.#parts.used(this);
    const connection = new Connection(endpoint, at, settings, exchange, this, slot, this.#parts);
    this.#open.add(connection);
    return connection;
  }

  /** These endpoints get no more calls: their idle connections close now, the others when their exchange has ended. */
  drop(gone: readonly Endpoint[]): void {
    const addresses = new Set(gone.map(address));
    for (const connection of this.#open) if (addresses.has(connection.address)) connection.retire();
  }

  /** Acts on what is overdue; the time at which something is due next. */
  look(now: number): number {
    let next = Infinity;
    for (const connection of this.#open) next = Math.min(next, connection.look(now));
    return next;
  }

  /** Closes the idle one that has waited longest. False: none is idle. */
  closeIdle(): boolean {
    const longest = this.#waiting.first;
    longest?.close();
    return longest !== undefined;
  }

  close(): void {
    for (const connection of this.#open) connection.close();
  }

  /** Its exchange has ended well, and it can carry another. */
  keep(connection: Connection): void {
    this.#waiting.add(connection);
    const others = this.#idle.get(connection.address);
    if (others === undefined) this.#idle.set(connection.address, [connection]);
    else others.push(connection);
  }

  /** It has closed. */
  forget(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    this.#waiting.remove(connection);
    const idle = this.#idle.get(connection.address);
    const place = idle?.indexOf(connection) ?? -1;
    if (place >= 0) idle!.splice(place, 1);
    if (idle?.length === 0) this.#idle.delete(connection.address);
    if (this.#open.size === 0) this.#parts.empty(this);
  }
}
