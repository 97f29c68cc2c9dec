/** The JSON object that a node's bytes hold, or why they hold none; the same for all dialects that write JSON. */
import type { SkipReason } from '../../events.js';
import { asMap, asText, shown } from './checked.js';
import type { Skip } from './dialect.js';

export const skip = (reason: SkipReason, detail: string): Skip => ({ skip: reason, detail: detail.slice(0, 200) });

/** `whenEmpty`: what is to be said of no data at all. */
export function openJson(data: Uint8Array, whenEmpty: string): ReadonlyMap<string, unknown> | Skip {
  if (data.length === 0) return skip('empty', whenEmpty);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
    return asMap(value) ?? skip('not_object', `a JSON object is expected, this is ${shown(value)}`);
  } catch {
    return skip('not_json', `not JSON in UTF-8: ${shown(new TextDecoder().decode(data.subarray(0, 40)))}`);
  }
}

/** What a map of strings says, less the keys that mean something by themselves. The result has no prototype. */
export function metaOf(map: ReadonlyMap<string, unknown> | undefined, reserved: ReadonlySet<string>): Record<string, string> {
  const meta = Object.create(null) as Record<string, string>;
  for (const [key, value] of map ?? []) {
    const text = typeof value === 'string' ? value : asText(value);
    if (!reserved.has(key) && key !== '__proto__' && text !== undefined) meta[key] = text;
  }
  return meta;
}

/** The entries of a user's metadata that a map of strings of this dialect may hold. */
export const sayable = (meta: Readonly<Record<string, string>>, reserved: ReadonlySet<string>): [string, string][] =>
  Object.entries(meta).filter(([key]) => !reserved.has(key) && key !== '__proto__');
