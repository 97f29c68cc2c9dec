/**
 * Every way in which something that was asked can fail, by name. Those with a number come from the servers, and are ZooKeeper's own; those
 * without are this client's. The message says what was asked, of which node, and by which server it was refused.
 */

const numbers = {
  SYSTEM_ERROR: -1,
  RUNTIME_INCONSISTENCY: -2,
  DATA_INCONSISTENCY: -3,
  MARSHALLING_ERROR: -5,
  UNIMPLEMENTED: -6,
  OPERATION_TIMEOUT: -7,
  BAD_ARGUMENTS: -8,
  UNKNOWN_SESSION: -12,
  NEW_CONFIG_NO_QUORUM: -13,
  RECONFIG_IN_PROGRESS: -14,
  API_ERROR: -100,
  NO_NODE: -101,
  NO_AUTH: -102,
  BAD_VERSION: -103,
  NO_CHILDREN_FOR_EPHEMERALS: -108,
  NODE_EXISTS: -110,
  NOT_EMPTY: -111,
  SESSION_EXPIRED: -112,
  INVALID_CALLBACK: -113,
  INVALID_ACL: -114,
  AUTH_FAILED: -115,
  SESSION_MOVED: -118,
  NOT_READ_ONLY: -119,
  EPHEMERAL_ON_LOCAL_SESSION: -120,
  NO_WATCHER: -121,
  REQUEST_TIMEOUT: -122,
  RECONFIG_DISABLED: -123,
  SASL_REQUIRED: -124,
  QUOTA_EXCEEDED: -125,
  THROTTLED: -127,
} as const;

export type ErrorCode =
  | keyof typeof numbers
  | 'NOT_CONNECTED' // nothing was sent
  | 'CONNECTION_LOSS' // sent, and no answer came: it may have been done
  | 'OVERLOADED' // too much is out; nothing was sent
  | 'TOO_LARGE' // a server would cut the connection; nothing was sent
  | 'CLOSED' // the session is over, for this client there is none any more
  | 'UNKNOWN'; // a number that this client does not know

const names = new Map<number, ErrorCode>(Object.entries(numbers).map(([name, number]) => [number, name as ErrorCode]));

/** A bound of this client's, of those that its user sets or may want to count. */
export interface Bound {
  readonly of:
    | 'requests out to ZooKeeper'
    | 'bytes out to ZooKeeper'
    | 'bytes of a request to ZooKeeper'
    | 'bytes of an answer of ZooKeeper';
  readonly limit: number;
}

export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly code: ErrorCode;
  /** What the server answered; undefined where no server did. */
  readonly number: number | undefined;
  /** The one that it failed at, if it did. */
  readonly bound: Bound | undefined;
  constructor(code: ErrorCode, message: string, { number, bound }: { number?: number; bound?: Bound } = {}) {
    super(message);
    this.code = code;
    this.number = number;
    this.bound = bound;
  }
}

/** `server`: by the name that a person knows. */
export function refusal(what: string, number: number, server: string): ZooKeeperError {
  return new ZooKeeperError(names.get(number) ?? 'UNKNOWN', `${what}: ${nameOf(number)}, says ${server}`, { number });
}

/** `NO_NODE (-101)` */
export const nameOf = (number: number): string => `${names.get(number) ?? 'UNKNOWN'} (${number})`;

export const isCode = (error: unknown, ...codes: readonly ErrorCode[]): boolean =>
  error instanceof ZooKeeperError && codes.includes(error.code);
