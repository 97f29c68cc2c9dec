/**
 * A circuit breaker for one endpoint. (stub)
 */
import type { Outcome } from './outcome.js';
import type { Random } from './ports.js';

export type CircuitState = 'closed' | 'open' | 'half_open';

export interface Breaker {
  /** Would a call be let through now? Asking changes nothing. */
  allows(now: number): boolean;
  /** A call starts. Give the answer back to `end`. */
  begin(now: number): number;
  end(epoch: number, outcome: Outcome, now: number): void;
  state(now: number): CircuitState;
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** 0 to 1: by how much an opening may be longer or shorter, so that a fleet's trials do not come as one. */
  readonly jitter: number;
}

export const defaultBreaker: BreakerOptions = { failures: 5, openMs: 1_000, maxOpenMs: 30_000, jitter: 0.2 };
export type MakeBreaker = (options: BreakerOptions, random: Random) => Breaker;
