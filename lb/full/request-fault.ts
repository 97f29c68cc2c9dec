/**
 * What is wrong with a request's head although node's parser has let it through. Node is strict about the characters of fields and
 * about most of the framing; these are the gaps. Routing (route.ts) looks at Host and target.
 */
import type { Refused } from '../refusal.js';
import { valuesOf, type Asked } from './exchange.js';

export function requestFault({ method, target, version, raw }: Asked, maxFields: number): Refused | undefined {
  if (version !== '1.1' && version !== '1.0') return bad(`HTTP/${version} is not spoken here: HTTP/1.1 is`);
  if (raw.length / 2 > maxFields)
    return {
      code: 'head_too_large',
      message: `the head has ${raw.length / 2} fields, and may have ${maxFields} (ZIDECAR_MAX_FIELDS)`,
    };
  if (target.includes('#')) return bad('the target has a "#" in it: a fragment is never sent');
  const codings = valuesOf(raw, 'transfer-encoding');
  const lengths = valuesOf(raw, 'content-length');
  if (codings.length > 0 && lengths.length > 0) return bad('there is a Content-Length beside a Transfer-Encoding');
  if (codings.length > 0 && version === '1.0') return bad('there is a Transfer-Encoding, which HTTP/1.0 does not know');
  if (codings.length > 1 || (codings.length === 1 && codings[0]!.trim().toLowerCase() !== 'chunked'))
    return bad('Transfer-Encoding may be one "chunked" and nothing else');
  if (lengths.length > 1) return bad('there is more than one Content-Length');
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return bad('the Content-Length is no number of bytes');
  if (version === '1.1' && valuesOf(raw, 'expect').some((value) => value.trim().toLowerCase() !== '100-continue'))
    return bad('Expect may be "100-continue" and nothing else');
  if (target === '*') return bad(`${method} * asks for no resource: it cannot be carried to an endpoint`);
  return undefined;
}

/** RFC 9112, 6.3: a request has a body when a framing field says so. */
export const hasBody = (raw: readonly string[]): boolean =>
  valuesOf(raw, 'transfer-encoding').length > 0 || valuesOf(raw, 'content-length').some((length) => Number(length) > 0);

const bad = (message: string): Refused => ({ code: 'bad_request', message });
