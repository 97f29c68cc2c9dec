/**
 * Heads as strings, for the rules of headers.ts: where more is to be done than to leave out a line. It costs some microseconds, and few
 * messages need it.
 */

import { trimmed } from '../headers.js';

/** The fields of a head that was found to be well-formed, whose first field begins at `from`, as flat raw pairs. */
export function rawFields(bytes: Buffer, from: number, end: number): string[] {
  const raw: string[] = [];
  for (const line of bytes.toString('latin1', from, end - 4 < from ? from : end - 4).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) raw.push(line.slice(0, colon), trimmed(line.slice(colon + 1)));
  }
  return raw;
}
