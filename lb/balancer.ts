import type { Outcome } from './outcome.js';
import type { Endpoint } from './endpoint.js';

/** One endpoint as a balancer sees it. `eligible` and `weight` are pushed by the upstream; a balancer never asks why. */
export interface Seat {
  readonly endpoint: Endpoint;
  /** Calls that hold a lease on it now. */
  active: number;
  eligible: boolean;
  weight: number;
}

/** What one attempt asks for. */
export interface Ask {
  /** Ids of endpoints that this call has been to already. With any in it, this ask is a retry, and the budget has paid for it. */
  readonly tried: readonly string[];
  /** Nothing of the call was ever written: when only tried endpoints are left, one of them may have another go. Default: no. */
  readonly again?: boolean;
}

/** Chooses among the eligible seats. State belongs to a seat, never to an index into a list. */
export interface Balancer {
  /** Every seat whose weight is not 0 gets the same share, whatever the weight. Default: shares are by weight. */
  readonly evenly?: boolean;
  /** Replaces the whole set. What is known of seats that stay is kept. */
  update(seats: readonly Seat[]): void;
  /** This seat's eligibility or weight has moved. */
  changed(seat: Seat): void;
  /** The next seat, or undefined when no eligible one is left that was not tried. Bounded; never waits; skips weight 0. */
  pick(ask: Ask): Seat | undefined;
  /** For policies that learn from answers. */
  seen?(seat: Seat, outcome: Outcome, now: number): void;
}
