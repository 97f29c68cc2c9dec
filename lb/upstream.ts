import type { Ask, Balancer } from './balancer.js';
import type { BreakerOptions, CircuitState } from './breaker.js';
import { RetryBudget, type BudgetOptions } from './budget.js';
import type { Endpoint } from './endpoint.js';
import type { Lease } from './lease.js';
import type { Clock, Emit, Random } from './ports.js';
import type { Refused } from './refusal.js';
import { RetryDecider } from './retry.js';
import { UpstreamStats } from './stats.js';

export interface UpstreamParts {
  readonly balancer: Balancer;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly breaker?: BreakerOptions;
  readonly budget?: BudgetOptions;
  /** Leases held at one time; more is `overflow`. Default 1024. */
  readonly maxInFlight?: number;
  /** Where its list comes from, for sentences: `/services/orders`. */
  readonly source?: string;
}

/** Why there is no lease. `tried_all`: every endpoint there is was tried by this call, so the last real answer stands. */
export type NoLease = 'no_endpoints' | 'all_open' | 'overflow' | 'tried_all';

export interface EndpointView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly circuit: CircuitState;
  readonly inFlight: number;
  readonly ejectedUntil: null;
  /** Percent of the calls that it would get now. */
  readonly share: number;
  /** The sentence that decides. */
  readonly reason: string;
}

export interface UpstreamVerdict {
  /** well: every endpoint that has a weight is in use; ill: some circuit is not closed; waiting: no list has come yet. */
  readonly state: 'well' | 'ill' | 'empty' | 'waiting';
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Endpoints whose circuit is not closed. */
  readonly out: number;
  readonly total: number;
  /** Calls lost since the process began. */
  readonly lost: number;
  readonly retryPercent: number;
  readonly retryBudgetPercent: number;
}

export class Upstream {
  readonly name: string;
  readonly stats: UpstreamStats = new UpstreamStats();
  readonly budget: RetryBudget;
  readonly retry: RetryDecider;
  /** A list has come, be it empty. */
  listed = false;
  /** Monotonic milliseconds: the last call that asked for an endpoint, or the making of this upstream. */
  lastUsed: number;

  constructor(name: string, parts: UpstreamParts) {
    this.name = name;
    this.budget = new RetryBudget(parts.budget);
    this.retry = new RetryDecider({ budget: this.budget, random: parts.random, stats: this.stats, exhausted: () => undefined });
    this.lastUsed = parts.clock.now();
  }

  /** Replaces the whole list. */
  update(endpoints: readonly Endpoint[]): void {
    throw new Error(`not yet: ${endpoints.length}`);
  }

  /** Resolves true as soon as a list has come (at once if one has), false after `ms` without. */
  whenListed(ms: number): Promise<boolean> {
    throw new Error(`not yet: ${ms}`);
  }

  /** A lease on the endpoint that the balancer chooses, or why there is none. The only way to an endpoint. */
  acquire(ask: Ask): Lease | NoLease {
    throw new Error(`not yet: ${ask.tried.length}`);
  }

  /**
   * The refusal that the app is told. `absolute`: the request came through `http_proxy`. For `tried_all` there is none: the last
   * real failure stands.
   */
  whyNot(refusal: Exclude<NoLease, 'tried_all'> | 'discovering', absolute = false): Refused {
    throw new Error(`not yet: ${refusal} ${absolute}`);
  }

  /** Until the next trial may begin, when every circuit is open; 1 s for other refusals. */
  retryAfterMs(): number {
    throw new Error('not yet');
  }

  /** Endpoints that have left the list (or moved to another address): running calls end, idle connections close. */
  onGone(listener: (gone: readonly Endpoint[]) => void): () => void {
    throw new Error(`not yet: ${listener.length}`);
  }

  explain(): EndpointView[] {
    throw new Error('not yet');
  }

  verdict(): UpstreamVerdict {
    throw new Error('not yet');
  }

  circuits(): Readonly<Record<CircuitState, number>> {
    throw new Error('not yet');
  }
}
