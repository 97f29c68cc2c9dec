import { address, type Endpoint } from './endpoint.js';
import type { LimitName } from './limits.js';

/** `shadow`: it is only told, and nothing is done. */
export interface AboutEndpoint {
  readonly upstream: string;
  readonly endpoint: string;
  readonly shadow?: true;
}

export const aboutEndpoint = (upstream: string, endpoint: Endpoint, isActedOn: boolean): AboutEndpoint => ({
  upstream,
  endpoint: address(endpoint),
  ...(!isActedOn && { shadow: true }),
});

interface Panicked {
  readonly upstream: string;
  readonly subset?: string;
  readonly well: number;
  readonly total: number;
}

/** Everything the data path has to tell, as one union. `attempt_ended` is only told when somebody asked for it (trace). */
export type LbFact =
  | (AboutEndpoint & { readonly kind: 'circuit_opened'; readonly why: string; readonly forMs: number })
  | (AboutEndpoint & { readonly kind: 'circuit_half_opened' })
  | (AboutEndpoint & { readonly kind: 'circuit_closed' })
  /** `times`: how often lately, this time included. */
  | (AboutEndpoint & { readonly kind: 'endpoint_ejected'; readonly why: string; readonly forMs: number; readonly times: number })
  /** To be ejected, and still in use for want of room; told again only after that has rested. */
  | (AboutEndpoint & { readonly kind: 'ejection_withheld'; readonly why: string })
  | (AboutEndpoint & { readonly kind: 'endpoint_readmitted'; readonly why: string })
  /** By active checks, after so many that failed, or passed, in a row. */
  | (AboutEndpoint & { readonly kind: 'endpoint_ill'; readonly why: string })
  | (AboutEndpoint & { readonly kind: 'endpoint_well' })
  /** Opinions about endpoints are pardoned, or count again; `subset`: among those of a subset, for its calls; `why`: nobody counts there any more. */
  | (Panicked & { readonly kind: 'panic_began' })
  | (Panicked & { readonly kind: 'panic_ended'; readonly why?: string })
  /** Refusing has begun; told again only after it has rested. */
  | {
      readonly kind: 'limit_reached';
      readonly upstream: string;
      readonly limit: LimitName;
      readonly most: number;
      readonly shadow?: true;
    }
  | {
      readonly kind: 'endpoints_changed';
      readonly upstream: string;
      readonly joined: number;
      readonly left: number;
      readonly total: number;
    }
  /** Of those that stay; `none`: no endpoint has one now, so none gets calls. */
  | {
      readonly kind: 'weights_changed';
      readonly upstream: string;
      readonly changed: number;
      readonly none: boolean;
      readonly total: number;
    }
  | { readonly kind: 'endpoint_refused'; readonly upstream: string; readonly endpoint: string; readonly why: string }
  | { readonly kind: 'retry_budget_exhausted'; readonly upstream: string }
  | {
      readonly kind: 'attempt_ended';
      readonly upstream: string;
      readonly endpoint: string;
      readonly result: string;
      readonly ms: number;
    }
  /** Plain TCP: told when refusing begins or its reason changes, not for each connection. */
  | { readonly kind: 'connections_refused'; readonly upstream: string; readonly code: string; readonly why: string }
  | {
      readonly kind: 'connection_ended';
      readonly upstream: string;
      readonly endpoint?: string;
      /** Absent: both sides ended it in order. */
      readonly code?: string;
      readonly attempts: number;
      readonly ms: number;
    }
  | {
      readonly kind: 'call_ended';
      /** `unknown` for a call that was for none. */
      readonly upstream: string;
      readonly method: string;
      readonly target: string;
      /** Empty where a call that was for no upstream brought none. */
      readonly requestId: string;
      readonly endpoint?: string;
      readonly status: number;
      readonly code?: string;
      readonly attempts: number;
      readonly ms: number;
    };
