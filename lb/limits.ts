/**
 * How much one upstream may take up of this process at one time: connections to endpoints, calls that wait for one (or for the first list),
 * and calls. What is beyond is refused at once; nothing queues without end. It owns no socket: lanes say what they open and close.
 *
 * In the shadow, everything is let through, and what would have been refused is counted.
 */
import type { Refused } from './refusal.js';
import type { Enforced } from './enforced.js';
import type { UpstreamStats } from './stats.js';

export type LimitName = 'connections' | 'pending' | 'requests';
export type Limits = Readonly<Record<LimitName, number>>;

export const defaultLimits: Limits = { connections: 1024, pending: 1024, requests: 1024 };
export const limitNames = Object.keys(defaultLimits) as LimitName[];

export interface UsageParts {
  readonly limits: Limits;
  readonly enforced: Pick<Enforced, 'limits'>;
  readonly stats: UpstreamStats;
  /** Told when refusing begins, and again only after it has rested for ten seconds. */
  readonly reached: (limit: LimitName, most: number) => void;
}

const restMs = 10_000;

export class Usage {
  readonly limits: Limits;
  readonly enforced: Pick<Enforced, 'limits'>;
  /** Open connections of all lanes, idle ones included, and calls that wait for one or for the first list. */
  connections = 0;
  pending = 0;
  /** Refused for want of room. */
  readonly refused: Record<LimitName, number> = { connections: 0, pending: 0, requests: 0 };
  /** What the last refusal was for want of. */
  last: LimitName = 'requests';
  readonly #stats: UpstreamStats;
  readonly #reached: UsageParts['reached'];
  /** Each closes an idle connection of its lane, if it has one. */
  readonly #idle = new Set<() => boolean>();
  readonly #refusedAt: Record<LimitName, number> = { connections: -Infinity, pending: -Infinity, requests: -Infinity };

  constructor({ limits, enforced, stats, reached }: UsageParts) {
    this.limits = limits;
    this.enforced = enforced;
    this.#stats = stats;
    this.#reached = reached;
  }

  used(limit: LimitName): number {
    return limit === 'requests' ? this.#stats.inFlight : this[limit];
  }

  /** Is there room for one more call? As `admits`, without looking names up: each call asks. */
  admitsCall(now: number): boolean {
    return this.#stats.inFlight < this.limits.requests || this.admits('requests', now);
  }

  /** Is there room for one more? Counts a refusal, and takes nothing. */
  admits(limit: LimitName, now: number): boolean {
    if (this.used(limit) < this.limits[limit]) return true;
    if (this.enforced.limits) this.refused[limit]++;
    else this.#stats.wouldHave.limits++;
    this.last = limit;
    if (now - this.#refusedAt[limit] >= restMs) this.#reached(limit, this.limits[limit]);
    this.#refusedAt[limit] = now;
    return !this.enforced.limits;
  }

  /** Slot for one more connection, which a call waits for; an idle one goes for it if it must. Undefined: there is none. */
  slot(now: number): Slot | undefined {
    if (this.enforced.limits && this.connections >= this.limits.connections) for (const close of this.#idle) if (close()) break;
    return this.admits('connections', now) && this.admits('pending', now) ? new Slot(this) : undefined;
  }

  /** What the app is told when there was no room. */
  refusal(): Refused {
    const { last, limits } = this;
    const message = `the limit of ${limits[last]} ${last} is reached (ZIDECAR_MAX_${last.toUpperCase()})`;
    return { code: 'overflow', message };
  }

  /** A lane that keeps connections. The returned function ends that. */
  keeps(closeIdle: () => boolean): () => void {
    this.#idle.add(closeIdle);
    return () => this.#idle.delete(closeIdle);
  }
}

/** What one connection takes up, from before it is dialled until it is closed. */
export class Slot {
  readonly #usage: Usage;
  #connected = false;
  #left = false;

  constructor(usage: Usage) {
    this.#usage = usage;
    usage.connections++;
    usage.pending++;
  }

  connected(): void {
    if (this.#connected || this.#left) return;
    this.#connected = true;
    this.#usage.pending--;
  }

  /** A second time changes nothing. */
  leave(): void {
    if (this.#left) return;
    this.connected();
    this.#left = true;
    this.#usage.connections--;
  }
}
