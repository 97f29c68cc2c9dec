/**
 * What is wrong with a request's head although node's parser has let it through. Node is strict about the characters of fields and
 * about most of the framing; these are the gaps. Routing (route.ts) looks at Host and target.
 */
import { framingFault } from '../framing.js';
import { valuesOf } from '../headers.js';
import type { Refused } from '../refusal.js';
import type { Asked } from './exchange.js';

export function requestFault({ method, target, version, raw }: Asked, maxFields: number): Refused | undefined {
  if (version !== '1.1' && version !== '1.0') return bad(`HTTP/${version} is not spoken here: HTTP/1.1 is`);
  if (raw.length / 2 > maxFields)
    return {
      code: 'head_too_large',
      message: `the head has ${raw.length / 2} fields, and may have ${maxFields} (ZIDECAR_MAX_FIELDS)`,
    };
  if (target.includes('#')) return bad('the target has a "#" in it: a fragment is never sent');
  const framing = framingFault(raw);
  if (framing !== undefined) return bad(framing);
  if (version === '1.0' && valuesOf(raw, 'transfer-encoding').length > 0)
    return bad('there is a Transfer-Encoding, which HTTP/1.0 does not know');
  if (version === '1.1' && valuesOf(raw, 'expect').some((value) => value.trim().toLowerCase() !== '100-continue'))
    return bad('Expect may be "100-continue" and nothing else');
  if (target === '*') return bad(`${method} * asks for no resource: it cannot be carried to an endpoint`);
  return undefined;
}

const bad = (message: string): Refused => ({ code: 'bad_request', message });
