/** Text as java.net.URLEncoder writes it: a space is `+`, `*` stays, and `!~'()` do not, in which encodeURIComponent differs. */

export const javaEncode = (text: string): string =>
  encodeURIComponent(Buffer.from(text).toString()) // which mends half a surrogate pair, or this would throw
    .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');

/** Undefined for a bad `%` escape, and for bytes that are not UTF-8. */
export function javaDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
