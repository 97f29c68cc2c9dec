import type { Endpoint } from './endpoint.js';
import type { Outcome } from './outcome.js';

/**
 * The right to send one attempt to one endpoint. Evidence once, release once: `answered` at the final head or the failure,
 * `release` when the last byte has gone. They are apart, or a half-open trial on a WebSocket would hold a circuit for hours.
 * Releasing without an answer counts as `ignored`. A second call of either throws: it is a fault of ours.
 */
export interface Lease {
  readonly endpoint: Endpoint;
  /** The call can be sent again, and finds out whether an endpoint is well again that was not: a bad answer is better asked for elsewhere. */
  readonly onTrial: boolean;
  /** `now`: the time, where somebody has just looked at the clock. */
  answered(outcome: Outcome, now?: number): void;
  release(): void;
}
