/**
 * The answer of a refusal: what the app is told when no endpoint's answer can be given. One shape for every listener and both lanes:
 * the table's status, `x-zidecar-error`, and a short JSON body that says what to do.
 */
import { failures, type FailureCode } from './errors.js';

/** Refusing is a value, not an exception. The message names the thing and says what to do. */
export interface Refused {
  readonly code: FailureCode;
  readonly message: string;
  /** When it may be worth while to ask again. */
  readonly retryAfterMs?: number;
}

export const badRequest = (message: string): Refused => ({ code: 'bad_request', message });

/** What a stranger sent, fit to be shown. */
export const shown = (text: string): string => JSON.stringify(text.slice(0, 100));

export interface RefusalAnswer {
  readonly status: number;
  /** Flat raw pairs, complete but for `date`. */
  readonly fields: readonly string[];
  readonly body: Buffer;
}

/** After these nobody can say where the next request on the connection begins. */
const inDoubt: ReadonlySet<FailureCode> = new Set(['bad_request', 'head_too_large', 'header_timeout', 'client_body_timeout']);
const longestMessage = 1000;

/**
 * `close`: the connection ends after this answer (always so where the framing is in doubt). Retry-After is rounded up to whole seconds, 1 at
 * least. A code that has no status because an answer had begun is told as 502 if nothing was sent after all.
 */
export const refusalAnswer = (
  { code, message, retryAfterMs }: Refused,
  { close = false }: { readonly close?: boolean } = {},
): RefusalAnswer => {
  const body = Buffer.from(`${JSON.stringify({ error: code, message: message.slice(0, longestMessage) })}\n`);
  const fields = ['content-type', 'application/json', 'content-length', String(body.length), 'x-zidecar-error', code];
  if (retryAfterMs !== undefined) fields.push('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  if (code === 'connect_method') fields.push('allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  if (close || inDoubt.has(code)) fields.push('connection', 'close');
  return { status: failures[code].status || 502, fields, body };
};
