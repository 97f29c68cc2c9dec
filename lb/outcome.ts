import { failures, type FailureCode } from './errors.js';

/**
 * What one attempt says about the endpoint that served it. `success`: it answered, whatever the status (absent for plain TCP). `failure`: there
 * was no answer, and the code tells whether we could not connect or it broke off. `outpaced`: its hedged call was given up since a peer that was
 * asked later had answered; it had been silent for so long, and nobody will ever know how long it would have taken. `ignored` says nothing: the
 * client went away, a deadline of its own.
 */
export type Outcome =
  | { readonly kind: 'success'; readonly ms: number; readonly status?: number }
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly ms: number }
  | { readonly kind: 'outpaced'; readonly ms: number }
  | { readonly kind: 'ignored' };

/** The outcome of an attempt that failed: evidence only where the table blames the endpoint. */
export const failed = (code: FailureCode, ms: number): Outcome =>
  failures[code].blames ? { kind: 'failure', code, ms } : { kind: 'ignored' };

/**
 * The time of a whole call was up, as the user has set it, while this endpoint had the request and was silent: evidence where that was most of the
 * time, as RESPONSE_TIMEOUT would have been. One that was asked shortly before the end is not to blame.
 */
export const outOfTime = (silentMs: number, requestTimeoutMs: number): Outcome =>
  silentMs * 2 >= requestTimeoutMs ? failed('response_timeout', silentMs) : { kind: 'ignored' };
