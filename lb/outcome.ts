import type { FailureCode } from './errors.js';

/** What one attempt says about the endpoint that served it. `ignored` says nothing: the client went away, a deadline of its own. */
export type Outcome =
  | { readonly kind: 'success'; readonly ms: number }
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly ms: number }
  | { readonly kind: 'ignored' };
