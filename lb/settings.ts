import type { HashOn } from './hash-key.js';
import type { Hedge } from './hedge.js';
import { defaultRetryOn, type RetryOn } from './retry-on.js';

/** What a user can set for one peer alone. Times in milliseconds; undefined: as long as it takes. */
export interface CallSettings {
  /** One connect to an endpoint. */
  readonly connectTimeoutMs: number | undefined;
  /** A call until the head of its final answer, all attempts and pauses included. The app may shorten it. */
  readonly requestTimeoutMs: number | undefined;
  /** One attempt, from the last byte of the request to the head of its answer. */
  readonly responseTimeoutMs: number | undefined;
  /** Silence of the side that we wait to read from, in the middle of a body. */
  readonly bodyTimeoutMs: number | undefined;
  /** Silence of an upgraded connection, in both directions. */
  readonly tunnelIdleTimeoutMs: number | undefined;
  /** A connection to an endpoint that is kept for the next call, unless the endpoint says how long it keeps it. */
  readonly idleTimeoutMs: number | undefined;
  /** How often a call is repeated after something of it was written. The app may ask for another number. */
  readonly retries: number;
  /** What of a call its policy goes by. Absent: the policy does not ask. */
  readonly hashOn?: HashOn | undefined;
  /** After which outcomes of an attempt there may be another. */
  readonly retryOn: RetryOn;
  /** A call with an Idempotency-Key may be repeated, whatever its method. */
  readonly retryKeyed: boolean;
  /** When a slow call that is safe is sent a second time, to another endpoint. */
  readonly hedge: Hedge;
}

export const defaultCallSettings: CallSettings = {
  connectTimeoutMs: 1_000,
  requestTimeoutMs: 60_000,
  responseTimeoutMs: 60_000,
  bodyTimeoutMs: 300_000,
  tunnelIdleTimeoutMs: 3_600_000,
  idleTimeoutMs: 4_000,
  retries: 1,
  retryOn: defaultRetryOn,
  retryKeyed: false,
  hedge: undefined,
};
