import type { Seat } from './balancer.js';
import type { CircuitBreaker } from './breaker.js';
import type { Endpoint } from './endpoint.js';
import type { Placed } from './heap.js';
import type { Answers } from './outlier.js';
import type { Stand } from './panic.js';

/**
 * One endpoint with all that is known of it. The object lives as long as it is listed or a lease on it is held. What each call looks at comes
 * first, and so stands together.
 */
export class Member implements Seat, Placed, Answers {
  endpoint: Endpoint;
  /** Its own, or one that all share which have nothing to remember. */
  breaker: CircuitBreaker;
  active = 0;
  /** False once it has left the list: what its last calls say concerns nobody. */
  listed = true;
  /** While it is ejected. */
  ejection: Ejection | undefined;
  answered = 0;
  tenths = 0;
  bad = 0;
  alike = 0;
  order = -1;
  weight: number;
  eligible = true;
  readonly against: Against = { open: false, shut: false, suspect: false, ejected: false, ill: false };
  /** The last time when it was to be ejected, and was not for want of room; monotonic milliseconds, and those until which that is worth telling. */
  withheld: { readonly why: string; readonly at: number; readonly until: number } | undefined;
  /** How often it was ejected, less one for each interval of peace, as that stood when its last ejection ended. */
  timesEjected = 0;
  /** When that was: monotonic milliseconds; -Infinity: it never was. */
  readmittedAt = -Infinity;
  /** What the active checks know of it; undefined where there are none. */
  check: Checked | undefined;
  place = -1;
  stand: Stand = 'none';
  pardonable = true;
  answeredBefore = 0;
  badBefore = 0;
  gateway = 0;
  other = 0;
  outpaced = 0;
  lastStatus = 0;
  outrun = 0;
  outrunBefore = 0;

  constructor(endpoint: Endpoint, breaker: CircuitBreaker) {
    this.endpoint = endpoint;
    this.breaker = breaker;
    this.weight = endpoint.weight;
  }
}

export interface Checked {
  /** The last failed one, in words. */
  readonly why: string | undefined;
  /** While they find it ill: since when, monotonic milliseconds. */
  readonly illSince: number | undefined;
}

export interface Ejection extends Placed {
  readonly member: Member;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly until: number;
  readonly why: string;
  /** It may not answer at all: only a call that is hedged loses nothing by trying it. */
  readonly silent: boolean;
  /** A call is to be, or is, its trial. */
  trial: 'due' | 'running' | undefined;
  /** When the last one failed, or the ejection began, and how many have been answered well since. */
  failedAt: number;
  passes: number;
}

/** What speaks against a member. Written by `Standings.set` only, which draws the conclusion. */
export interface Against {
  /** Fact: its circuit is not closed. */
  open: boolean;
  /** Fact: its circuit lets no call through now; half-open, it waits for its trial to end. */
  shut: boolean;
  /** The last connect to it failed, and its circuit is still closed. */
  suspect: boolean;
  /** Opinion: its answers were worse than those of its peers. */
  ejected: boolean;
  /** Opinion: the active checks find it ill. */
  ill: boolean;
}

export type Mark = keyof Against;
