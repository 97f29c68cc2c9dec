/** Everything the data path has to tell, as one union. `attempt_ended` is only told when somebody asked for it (trace). */
export type LbFact =
  | {
      readonly kind: 'circuit_opened';
      readonly upstream: string;
      readonly endpoint: string;
      readonly why: string;
      readonly forMs: number;
    }
  | { readonly kind: 'circuit_half_opened'; readonly upstream: string; readonly endpoint: string }
  | { readonly kind: 'circuit_closed'; readonly upstream: string; readonly endpoint: string }
  | {
      readonly kind: 'endpoints_changed';
      readonly upstream: string;
      readonly joined: number;
      readonly left: number;
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
