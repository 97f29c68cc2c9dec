/**
 * The fields that say where a message ends. What a parser may let through and RFC 9112, 6 does not is found here, for requests and for
 * answers, so that no two readers of one message can disagree about its end.
 */
import { trimmed, valuesOf } from './headers.js';
import { shown } from './refusal.js';

/** What is wrong with the framing of a head (flat raw pairs); undefined: it has one meaning. `old`: it is of HTTP/1.0. */
export function framingFault(raw: readonly string[], old: boolean): string | undefined {
  const codings = valuesOf(raw, 'transfer-encoding');
  const lengths = valuesOf(raw, 'content-length');
  if (codings.length > 0 && lengths.length > 0) return 'there is a Content-Length beside a Transfer-Encoding';
  if (codings.length > 1 || (codings.length === 1 && trimmed(codings[0]!).toLowerCase() !== 'chunked'))
    return `the Transfer-Encoding ${shown(codings.join(', '))} is not one "chunked"`;
  if (codings.length > 0 && old) return 'there is a Transfer-Encoding, which HTTP/1.0 does not know';
  if (lengths.length > 1) return 'there is more than one Content-Length';
  if (lengths.some((length) => !/^\d{1,15}$/.test(length))) return 'the Content-Length is no number of bytes';
  return undefined;
}

export const framingNames: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);
/** What a part that frames by itself does not want to have from us. */
export const codingNames: ReadonlySet<string> = new Set(['transfer-encoding']);

/** RFC 9112, 6.3: a request has a body when a framing field says so. */
export const hasBody = (raw: readonly string[]): boolean =>
  valuesOf(raw, 'transfer-encoding').length > 0 || valuesOf(raw, 'content-length').some((length) => Number(length) > 0);

/** As a trailer such a field says nothing, and who believes it sees another message. */
export const hasFraming = (raw: readonly string[]): boolean =>
  valuesOf(raw, 'transfer-encoding').length + valuesOf(raw, 'content-length').length > 0;

/** RFC 9110, 6.4.1: whatever its fields say, nothing follows this head of an answer. */
export const hasNoBody = (method: string, status: number): boolean => method === 'HEAD' || status === 204 || status === 304;
