import { failures, type FailureCode } from './errors.js';

/**
 * What one attempt says about the endpoint that served it. `success`: it answered, whatever the status (absent for plain TCP). `failure`: there
 * was no answer, and the code tells whether we could not connect or it broke off. `ignored` says nothing: the client went away, a deadline
 * of its own.
 */
export type Outcome =
  | { readonly kind: 'success'; readonly ms: number; readonly status?: number }
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly ms: number }
  | { readonly kind: 'ignored' };

/** The outcome of an attempt that failed: evidence only where the table blames the endpoint. */
export const failed = (code: FailureCode, ms: number): Outcome =>
  failures[code].blames ? { kind: 'failure', code, ms } : { kind: 'ignored' };
