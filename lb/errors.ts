/**
 * Every way a call can fail, in one table: what the app sees, who is to blame, and whether the call may be sent again.
 *
 * status   what the app is answered; 0 means that the answer had begun, so that all we can do is cut it
 * blames   the endpoint is at fault: its circuit counts it
 * retry    'unsent'      nothing of the request had left us, so it may go elsewhere, whatever its method
 *          'idempotent'  it may have been carried out: only a method that can be repeated goes elsewhere
 *          'never'       another endpoint would change nothing
 */
export interface Failure {
  readonly status: number;
  readonly blames: boolean;
  readonly retry: 'unsent' | 'idempotent' | 'never';
}

const failure = (status: number, blames: boolean, retry: Failure['retry']): Failure => ({ status, blames, retry });

export const failures = {
  // the endpoint's
  connect_refused: failure(502, true, 'unsent'),
  connect_failed: failure(502, true, 'unsent'),
  connect_timeout: failure(504, true, 'unsent'),
  unproven: failure(503, true, 'unsent'),
  reset: failure(502, true, 'idempotent'),
  response_timeout: failure(504, true, 'idempotent'),
  bad_answer: failure(502, true, 'idempotent'),
  bad_upgrade: failure(502, true, 'never'),
  cut: failure(0, true, 'never'),
  body_timeout: failure(0, true, 'never'),
  // the caller's
  request_timeout: failure(504, false, 'never'),
  client_gone: failure(499, false, 'never'),
  client_body_timeout: failure(408, false, 'never'),
  header_timeout: failure(408, false, 'never'),
  bad_request: failure(400, false, 'never'),
  head_too_large: failure(431, false, 'never'),
  tunnel_idle: failure(408, false, 'never'),
  loop: failure(508, false, 'never'),
  connect_method: failure(405, false, 'never'),
  unknown_upstream: failure(404, false, 'never'),
  // nobody to ask
  no_endpoints: failure(503, false, 'never'),
  no_subset: failure(503, false, 'never'),
  all_open: failure(503, false, 'never'),
  overflow: failure(503, false, 'never'),
  discovering: failure(503, false, 'never'),
  // ours
  local: failure(503, false, 'never'),
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof failures;

/** A call or an attempt failed. The message names the thing and the number, for a person. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: FailureCode;
  constructor(code: FailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
