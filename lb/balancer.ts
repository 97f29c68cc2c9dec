import type { Outcome } from './outcome.js';
import type { Endpoint } from './endpoint.js';
import type { Stand } from './panic.js';
import type { Subset } from './subset.js';

/** One endpoint as a balancer sees it. `eligible` and `weight` are pushed by the upstream; a balancer never asks why. */
export interface Seat {
  readonly endpoint: Endpoint;
  /** Calls that hold a lease on it now. */
  active: number;
  eligible: boolean;
  /** What it counts now: less than its endpoint's while it starts slowly. */
  weight: number;
  /** Its place in the list of its upstream: a balancer of all of them finds it there without looking for it. */
  readonly order?: number;
  /** For those who count panic among some of the seats: what it counts as, and whether panic lets it be asked. Pushed as `eligible` is. */
  stand?: Stand;
  pardonable?: boolean;
}

/** What one attempt asks for. */
export interface Ask {
  /** Ids of endpoints that this call has been to already. With any in it, this ask is a retry, and the budget has paid for it. */
  readonly tried: readonly string[];
  /** Nothing of the call was ever written: when only tried endpoints are left, one of them may have another go. Default: no. */
  readonly again?: boolean;
  /** Nothing is lost if this send fails: the call can be sent again. Default: no. */
  readonly repeatable?: boolean;
  /** If it is slow, it goes to another endpoint as well. Default: no. */
  readonly hedged?: boolean;
  /** What the hash policies go by, 32 bits. Absent: they draw one. */
  readonly key?: number | undefined;
  /** Only an endpoint with these labels will do. Absent: the upstream's own subset, or any. */
  readonly subset?: Subset | undefined;
}

/** Those in a subset, for sentences: counts are of those that panic is counted among. */
export interface Crowd {
  /** `version=canary` */
  readonly subset: string;
  readonly hasWeight: boolean;
  readonly total: number;
  readonly out: number;
  /** Those of them whose circuit is not closed. */
  readonly open: number;
  /** Who does not count, as the registry names it no more, but has weight. */
  readonly kept: number;
  /** There is panic in it: who is out by opinion alone may be asked. */
  readonly panic: boolean;
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
  pick(ask: Ask, now: number): Seat | undefined;
  /** For policies that learn from answers. */
  seen?(seat: Seat, outcome: Outcome, now: number): void;
  /** What each of the seats gets now, 0 to 1, for a person: of calls like `ask`, or of usual ones. Default: by weight (or evenly) among the eligible. */
  shares?(ask?: Ask): ReadonlyMap<Seat, number>;
  /** What a person should know of this seat's share beside that: of calls like `ask`, or of usual ones. */
  note?(seat: Seat, ask?: Ask): string | undefined;
  /** Whether this seat would do for the ask, be it well or not. Default: any does. */
  fits?(ask: Ask, seat: Seat): boolean;
  /** Whether the ask's key leads to this seat as long as that is well. Default: keys lead nowhere. */
  home?(ask: Ask, seat: Seat): boolean;
  /** The subset that the ask is held to, how it is; undefined: to none, or nobody is in it. Costs the same however many are in it. */
  crowd?(ask: Ask): Crowd | undefined;
  /** It is used no more: what it has told of as begun, ends. */
  end?(): void;
  /** Why nobody will ever do for this ask, whoever is well: no endpoint has those labels. */
  lacks?(ask: Ask): string | undefined;
}

/** As `shares`, for any balancer of these seats. */
export function sharesOf(balancer: Balancer, seats: readonly Seat[], ask?: Ask): ReadonlyMap<Seat, number> {
  if (balancer.shares) return balancer.shares(ask);
  const inUse = seats.filter(({ eligible, weight }) => eligible && weight > 0);
  const part = ({ weight }: Seat): number => (balancer.evenly ? 1 : weight);
  const total = inUse.reduce((sum, seat) => sum + part(seat), 0);
  return new Map(inUse.map((seat) => [seat, part(seat) / total]));
}
