/**
 * The counts of one upstream: plain numbers that the data path adds to and that metrics read when they are scraped. No labels are
 * hashed on the way of a call. The set of codes is closed (classes of status, and the table of failures), so the map is bounded.
 */
import { failures, type FailureCode } from './errors.js';

/** Upper bounds of the latency buckets, in seconds; the last bucket, without bound, is one more. */
export const latencyBounds: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class UpstreamStats {
  /** Ended calls by `2xx` … `5xx` (answers of endpoints), `ended` (a connection of plain TCP), or the code of our refusal. */
  readonly calls = new Map<string, number>();
  /** Calls whose latency fell into each bucket of `latencyBounds` (not cumulative), and beyond. */
  readonly latency: number[] = latencyBounds.map(() => 0).concat(0);
  latencySumSeconds = 0;
  /** Calls that hold an endpoint now. Kept by the upstream. */
  inFlight = 0;
  /** Leases given out, and those of them that went to calls which had tried an endpoint before. Kept by the upstream. */
  attempts = 0;
  retries = 0;
  /** Second sends of slow calls, beside the first, and how many of them were the first to be answered. */
  hedges = 0;
  hedgesWon = 0;
  /** Bytes that went through tunnels (websockets, plain TCP), as the app sees them. */
  readonly tunnelled = { sent: 0, received: 0 };
  /** Balancers of subsets that were given up for those of others. */
  subsetsDropped = 0;
  /** Retries that the budget did not allow. */
  retryOverflow = 0;
  /** Endpoints that were ejected, and ejections that the cap did not allow. */
  ejections = 0;
  ejectionsWithheld = 0;
  /** What would have been done, were it not in the shadow: circuits opened, endpoints ejected or found ill, calls refused. */
  readonly wouldHave = { circuit: 0, outlier: 0, checks: 0, limits: 0 };
  /** Calls to which the app got anything but the full answer of an endpoint: a 5xx of ours, or a cut. */
  lost = 0;

  /** A call has ended: the status of the endpoint's answer, whole, `ended`, or the code of what became of it. */
  ended(result: number | 'ended' | FailureCode, ms: number): void {
    const code = typeof result === 'number' ? (classes[Math.floor(result / 100)] ?? '5xx') : result;
    this.calls.set(code, (this.calls.get(code) ?? 0) + 1);
    if (typeof result === 'string' && result !== 'ended' && isLost(result)) this.lost++;
    const seconds = ms / 1000;
    this.latencySumSeconds += seconds;
    let bucket = 0;
    while (bucket < latencyBounds.length && seconds > latencyBounds[bucket]!) bucket++;
    this.latency[bucket]!++;
  }
}

const classes = ['', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** A cut has no status left to give. A client that went away by itself has lost nothing. */
const isLost = (code: FailureCode): boolean => failures[code].status === 0 || failures[code].status >= 500;
