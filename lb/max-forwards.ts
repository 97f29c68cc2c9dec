/**
 * How far TRACE and OPTIONS may go (RFC 9110, 7.6.2): whoever passes one on takes one from its Max-Forwards, and whoever gets it with 0 answers
 * in place of the one that is asked. For other methods the field says nothing.
 */
import { linesOf, trimmed, valuesOf, withoutNamed } from './headers.js';
import { badRequest, shown, type RefusalAnswer, type Refused } from './refusal.js';

/** More than any way has stations. A larger number is taken for it. */
const most = 1_000_000;
const counted: ReadonlySet<string> = new Set(['TRACE', 'OPTIONS']);
/** What a trace need not show, and who sees its answer need not know. */
const secret: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie']);

/** How often a request may be passed on from here; undefined: nobody counts. */
export function forwardsLeft(method: string, raw: readonly string[]): number | undefined | Refused {
  if (!counted.has(method)) return undefined;
  const values = valuesOf(raw, 'max-forwards').map(trimmed);
  if (values.length === 0) return undefined;
  if (values.length === 1 && /^\d+$/.test(values[0]!)) return Math.min(Number(values[0]), most);
  return badRequest(`Max-Forwards: ${shown(values.join(', '))} is not one number`);
}

/** The fields of one that is passed on. */
export const withForwards = (raw: readonly string[], left: number): string[] =>
  raw.map((part, index) => (index % 2 === 1 && raw[index - 1]!.toLowerCase() === 'max-forwards' ? String(left) : part));

/** The answer of the last station: to TRACE the request as it came here, to OPTIONS what is spoken here. */
export function lastStation(asked: {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly raw: readonly string[];
}): RefusalAnswer {
  const { method, target, version, raw } = asked;
  if (method === 'OPTIONS')
    return {
      status: 200,
      fields: ['allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE', 'content-length', '0'],
      body: Buffer.alloc(0),
    };
  const body = Buffer.from(`${method} ${target} HTTP/${version}\r\n${linesOf(withoutNamed(raw, secret))}\r\n`, 'latin1');
  return { status: 200, fields: ['content-type', 'message/http', 'content-length', String(body.length)], body };
}
