import type { Seat } from './balancer.js';
import type { CircuitBreaker } from './breaker.js';
import type { Endpoint } from './endpoint.js';
import type { Placed } from './heap.js';
import type { Answers } from './outlier.js';

/** One endpoint with all that is known of it. The object lives as long as it is listed or a lease on it is held. */
export interface Member extends Seat, Placed {
  endpoint: Endpoint;
  /** Its own, or one that all share which have nothing to remember. */
  breaker: CircuitBreaker;
  readonly answers: Answers;
  /** While it is ejected. */
  ejection: Ejection | undefined;
  /** The last time when it was to be ejected, and was not for want of room; monotonic milliseconds until which that is worth telling. */
  withheld: { readonly why: string; readonly until: number } | undefined;
  /** How often it was ejected, less one for each interval of peace, as that stood when its last ejection ended. */
  timesEjected: number;
  /** When that was: monotonic milliseconds; -Infinity: it never was. */
  readmittedAt: number;
  /** What the active checks know of it; undefined where there are none. */
  check: Checked | undefined;
  /** False once it has left the list: what its last calls say concerns nobody. */
  listed: boolean;
  readonly against: Against;
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
