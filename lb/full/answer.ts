/**
 * What one attempt comes to: an answer whose head is here and whose body is on its way, or a failure that says how much of the request
 * had left us.
 */
import type { Readable } from 'node:stream';
import type { FailureCode } from '../errors.js';
import { framingFault } from '../framing.js';

export type Sent = 'nothing' | 'some' | 'all';

/** How much of the request had left us by then, and when the last byte of its body had, if it has one. */
interface Left {
  readonly sent: Sent;
  readonly bodySentAt?: number | undefined;
}

export interface Answer extends Left {
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

export interface Failed extends Left {
  readonly kind: 'failed';
  readonly code: FailureCode;
  readonly message: string;
  /** It went over a connection that had been used before, which then broke off: the connection was dead, perhaps, not the endpoint. */
  readonly kept: boolean;
}

/** Why an answer with this head cannot be passed on. The parsers were strict already; these are what they let through. `old`: HTTP/1.0. */
export function answerFault(status: number, reason: string, fields: readonly string[], old = false): string | undefined {
  if (status < 200 || status > 599) return `the status ${status} is none of a final answer`;
  if (!isReason(reason)) return 'there is a control character in its reason';
  return framingFault(fields, old);
}

/** May stand behind a status: a proxy says it again byte for byte (RFC 9112, 4). */
export const isReason = (text: string): boolean => !/[^\t\x20-\x7e\x80-\xff]/.test(text);
