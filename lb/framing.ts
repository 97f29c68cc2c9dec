/**
 * The fields that say where a message ends. What a parser may let through and RFC 9112, 6 does not is found here, for requests and for
 * answers, so that no two readers of one message can disagree about its end.
 */
import { valuesOf } from './headers.js';

/** What is wrong with the framing of a head (flat raw pairs); undefined: it has one meaning. */
export function framingFault(raw: readonly string[]): string | undefined {
  const codings = valuesOf(raw, 'transfer-encoding');
  const lengths = valuesOf(raw, 'content-length');
  if (codings.length > 0 && lengths.length > 0) return 'there is a Content-Length beside a Transfer-Encoding';
  if (codings.length > 1 || (codings.length === 1 && codings[0]!.trim().toLowerCase() !== 'chunked'))
    return `the Transfer-Encoding ${JSON.stringify(codings.join(', ').slice(0, 100))} is not one "chunked"`;
  if (lengths.length > 1) return 'there is more than one Content-Length';
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return 'the Content-Length is no number of bytes';
  return undefined;
}

/** RFC 9112, 6.3: a request has a body when a framing field says so. */
export const hasBody = (raw: readonly string[]): boolean =>
  valuesOf(raw, 'transfer-encoding').length > 0 || valuesOf(raw, 'content-length').some((length) => Number(length) > 0);

/** RFC 9110, 6.4.1: whatever its fields say, nothing follows this head of an answer. */
export const hasNoBody = (method: string, status: number): boolean => method === 'HEAD' || status === 204 || status === 304;
