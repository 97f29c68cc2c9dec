/**
 * What is wrong with a request's head although node's parser has let it through. Node is strict about the characters of fields and
 * about most of the framing; these are the gaps. Routing (route.ts) looks at Host and target.
 */
import { framingFault } from '../framing.js';
import { trimmed, valuesOf } from '../headers.js';
import { METHODS } from '../node-http.js';
import { badRequest, type Refused } from '../refusal.js';
import type { Asked } from './exchange.js';

/** Node's parser knows those of RTSP as well, whose first line is almost the same. */
const methods: ReadonlySet<string> = new Set(METHODS);

export function requestFault({ method, target, version, raw }: Asked, maxFields: number): Refused | undefined {
  if (version !== '1.1' && version !== '1.0') return badRequest(`HTTP/${version} is not spoken here: HTTP/1.1 is`);
  if (raw.length / 2 > maxFields)
    return {
      code: 'head_too_large',
      message: `the head has ${raw.length / 2} fields, and may have ${maxFields} (ZIDECAR_MAX_FIELDS)`,
    };
  if (target.includes('#')) return badRequest('the target has a "#" in it: a fragment is never sent');
  if (!methods.has(method)) return badRequest(`${method} is no method of HTTP`);
  const framing = framingFault(raw, version === '1.0');
  if (framing !== undefined) return badRequest(framing);
  if (version === '1.1' && valuesOf(raw, 'expect').some((value) => trimmed(value).toLowerCase() !== '100-continue'))
    return badRequest('Expect may be "100-continue" and nothing else');
  return undefined;
}
