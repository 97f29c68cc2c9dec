/**
 * What one attempt comes to: an answer whose head is here and whose body is on its way, or a failure that says how much of the request
 * had left us.
 */
import type { Readable } from 'node:stream';
import type { FailureCode } from '../errors.js';

export type Sent = 'nothing' | 'some' | 'all';

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly reason: string;
  /** Flat raw pairs, as they came. */
  readonly fields: readonly string[];
  /**
   * Ends where the answer ends, and never looks like an end when it was cut: then it is destroyed with a CallError. Destroying it gives
   * the rest of the answer up.
   */
  readonly body: Readable;
  /** Bytes of the body are due from the endpoint, and nothing holds them up on our side. */
  waiting(): boolean;
  /** Flat raw pairs; known when the body has ended. */
  trailers(): readonly string[];
}

/** What stands between heads of `1xx` and the final one. */
export type Inform = (status: number, reason: string, fields: readonly string[]) => void;

export interface Failed {
  readonly kind: 'failed';
  readonly code: FailureCode;
  readonly message: string;
  readonly sent: Sent;
  /** It went over a connection that had been used before, which then broke off: the connection was dead, perhaps, not the endpoint. */
  readonly kept: boolean;
}

/** No endpoint needs more heads of `1xx` than these for one answer. */
export const mostInformational = 16;

/** Why an answer with this head cannot be passed on. The parsers were strict already; these are what they let through. */
export function answerFault(status: number, fields: readonly string[]): string | undefined {
  if (status < 200 || status > 599) return `the status ${status} is none of a final answer`;
  const codings = valuesOf(fields, 'transfer-encoding');
  if (codings.length > 1 || (codings.length === 1 && codings[0]!.trim().toLowerCase() !== 'chunked'))
    return `the Transfer-Encoding ${JSON.stringify(codings.join(', ').slice(0, 100))} is not one "chunked"`;
  const lengths = valuesOf(fields, 'content-length');
  if (codings.length > 0 && lengths.length > 0) return 'there is a Content-Length beside a Transfer-Encoding';
  if (lengths.length > 1) return 'there is more than one Content-Length';
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return 'the Content-Length is no number of bytes';
  return undefined;
}

/** RFC 9110, 6.4.1: whatever its fields say, nothing follows this head. */
export const hasNoBody = (method: string, status: number): boolean => method === 'HEAD' || status === 204 || status === 304;

const valuesOf = (fields: readonly string[], name: string): string[] =>
  fields.filter((_, index) => index % 2 === 1 && fields[index - 1]!.toLowerCase() === name);
