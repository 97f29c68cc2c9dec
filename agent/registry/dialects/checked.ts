/**
 * Values out of nodes that anybody may have written: each function answers with a checked plain value, or undefined. Knows no format.
 * Nothing here recurses into a value, so depth cannot hurt; maps have no prototype, so no key can.
 */
import { isIP } from 'node:net';
import { quote } from '../../printable.js';

/** No control, format, private or unassigned character and no line end: safe in a log, a terminal and a JSON view. */
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u;
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const DECIMAL = /^\d{1,20}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?$/;
/** Far above any weight in use, and low enough that the sum over a service stays exact. */
const MOST_WEIGHT = 1_000_000;

export const isPrintable = (text: string): boolean => PRINTABLE.test(text);

/** A map for foreign keys, or undefined when the value is none. An array is none. */
export const asMap = (value: unknown): ReadonlyMap<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;

/** An address or a name; the brackets that some put around IPv6 are taken off. No zone index, and nothing that only looks like IPv4. */
export function asHost(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 253) return undefined;
  const host = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value;
  if (isIP(host) !== 0) return host.includes('%') ? undefined : host;
  if (host !== value) return undefined;
  const labels = host.replace(/\.$/, '').split('.');
  // `10.1.2`, `0x7f.1` and `2130706433` are addresses to a resolver, though not to us
  const last = labels.at(-1)!;
  return labels.every((label) => LABEL.test(label)) && !/^(?:\d+|0[xX][0-9a-fA-F]*)$/.test(last) ? host : undefined;
}

/** 1 to 65535, as a number or, since some writers do so, as text. */
export function asPort(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^\s*\d{1,5}\s*$/.test(value) ? Number(value) : value;
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** 0 to a million, as a number or as text. */
export function asWeight(value: unknown): number | undefined {
  const weight = typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : value;
  return typeof weight === 'number' && weight >= 0 && weight <= MOST_WEIGHT ? weight : undefined;
}

/** Milliseconds since 1970, as a number or as text; 0 says nothing. */
export function asTime(value: unknown): number | undefined {
  const time = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof time === 'number' && Number.isSafeInteger(time) && time > 0 ? time : undefined;
}

/** Text that can be shown; numbers and booleans count as text. */
export function asText(value: unknown): string | undefined {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof text === 'string' && isPrintable(text) ? text : undefined;
}

/** What was found, in a few characters that are safe to show, for a sentence. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return quote(value, 60);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? 'a list' : 'an object';
}
