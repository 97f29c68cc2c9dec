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
import { Connection, type ConnectionParts, type Exchange, type Home, type Place } from './connection.js';
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
  readonly #waiting = new Queue<Connection>();
  /** By address. */
  readonly #places = new Map<string, Place>();
  /** The same, without a string to be compared for each call. */
  readonly #placeOf = new WeakMap<Endpoint, Place>();

  constructor(parts: PoolsParts) {
    this.#parts = parts;
  }

  /** A connection that is the exchange's until it lets go of it. A new one is not connected yet: it tells the exchange when it is. */
  take(endpoint: Endpoint, settings: CallSettings, exchange: Exchange): Connection | undefined {
    const place = this.#at(endpoint);
    const kept = place.idle.pop();
    if (kept !== undefined) {
      this.#waiting.remove(kept);
      kept.reuse(exchange);
      return kept;
    }
    const slot = this.#parts.usage.slot(this.#parts.clock.now());
    if (slot === undefined) return undefined;
    if (this.#open.size === 0) this.#parts.used(this);
    const connection = new Connection(endpoint, place, settings, exchange, this, slot, this.#parts);
    this.#open.add(connection);
    return connection;
  }

  /** Endpoints at one address share one: an endpoint is another object each time its weight changes. */
  #at(endpoint: Endpoint): Place {
    const known = this.#placeOf.get(endpoint);
    if (known !== undefined) return known;
    const name = address(endpoint);
    const place = this.#places.get(name) ?? { address: name, idle: [] };
    this.#places.set(name, place);
    this.#placeOf.set(endpoint, place);
    return place;
  }

  /** These endpoints get no more calls: their idle connections close now, the others when their exchange has ended. */
  drop(gone: readonly Endpoint[]): void {
    const places = new Set(gone.map((endpoint) => this.#at(endpoint)));
    for (const { address } of places) this.#places.delete(address);
    for (const connection of this.#open) if (places.has(connection.place)) connection.retire();
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
    connection.place.idle.push(connection);
  }

  /** It has closed. */
  forget(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    this.#waiting.remove(connection);
    const { idle } = connection.place;
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
    if (this.#open.size === 0) this.#parts.empty(this);
  }
}
