/**
 * Which upstream a request is for. Pure: the request line and the Host fields in, a name or a refusal out. In order: a listener that
 * serves one upstream only; the authority of an absolute form; `/svc/NAME/…` where the host is this machine; the host.
 *
 * Nothing here looks a name up. A name that comes out of here is safe as the key of a map and as one segment of a path.
 * The bytes of path and query are never decoded, so that no two readers of them can disagree.
 */
import { isIP, isIPv6 } from 'node:net';
import type { Refused } from './refusal.js';

export interface RouteAsk {
  readonly method: string;
  /** The request target as it came. */
  readonly target: string;
  /** Every Host field's value, as it came. */
  readonly hosts: readonly string[];
  /** A HTTP/1.0 request may come without Host. */
  readonly version: '1.0' | '1.1';
}

export interface RouteRules {
  /** This listener serves one upstream: Host and path go on as they came. */
  readonly fixedUpstream?: string;
  /** Lower-case hosts, beside `localhost` and addresses, under which this listener itself is known: `/svc/…` is honoured there. */
  readonly own: ReadonlySet<string>;
  /** The suffix that is taken off a host, without a dot before it. Empty: none. */
  readonly domain: string;
}

export interface Route {
  readonly name: string;
  /** In origin form (or `*`), bytes as they came. */
  readonly target: string;
  /** The Host that the endpoint sees. */
  readonly host: string;
  /** What was taken off the path, for `x-forwarded-prefix`. */
  readonly prefix?: string;
  /** The request came in absolute form: refusals then speak of `no_proxy`. */
  readonly absolute: boolean;
}

export const route = (ask: RouteAsk, rules: RouteRules): Route | Refused => {
  throw new Error(`not yet: ${ask.target} ${rules.domain} ${isIP('') + (isIPv6('') ? 1 : 0)}`);
};

/** 1 to 253 of `[A-Za-z0-9._-]`, and neither `.` nor `..`, which are no names in a tree. */
export const isServiceName = (name: string): boolean => /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,253}$/.test(name);

/** The known name that is meant: the exact one, else the only one that is equal without case. */
export const knownName = (name: string, known: { has(name: string): boolean; keys(): Iterable<string> }): string | undefined => {
  if (known.has(name)) return name;
  const lower = name.toLowerCase();
  let found: string | undefined;
  for (const other of known.keys()) {
    if (other.toLowerCase() !== lower) continue;
    if (found !== undefined) return undefined;
    found = other;
  }
  return found;
};
