/**
 * Which upstream a request is for. Pure: request line and Host fields in, a name or a refusal out. In this order: a listener that
 * serves one upstream only; the authority of an absolute form; `/svc/NAME/…` where the host is this machine; the host.
 *
 * Nothing is looked up here. A name that comes out is safe as the key of a map and as one segment of a path. The bytes of path and
 * query are never decoded, so that no two readers of them can disagree.
 */
import { isIP, isIPv6 } from 'node:net';
import { badRequest, shown, type Refused } from './refusal.js';

export interface RouteAsk {
  readonly method: string;
  /** The request target as it came. */
  readonly target: string;
  /** The value of every Host field, as it came. */
  readonly hosts: readonly string[];
  /** A HTTP/1.0 request may come without Host. */
  readonly version: '1.0' | '1.1';
}

export interface RouteRules {
  /** This listener serves one upstream: Host and path go on as they came. */
  readonly fixedUpstream?: string | undefined;
  /** Lower-case hosts, beside `localhost` and addresses, that mean this listener itself: `/svc/…` is honoured there. */
  readonly own: ReadonlySet<string>;
  /** The suffix that is taken off a name, without a dot before it. Empty: none. */
  readonly domain: string;
}

export interface Route {
  readonly name: string;
  /** In origin form, or `*`; bytes as they came. */
  readonly target: string;
  /** The Host that the endpoint sees. */
  readonly host: string;
  /** What was taken off the path, for `x-forwarded-prefix`. */
  readonly prefix?: string;
  /** The request came in absolute form: refusals then speak of `no_proxy`. */
  readonly absolute: boolean;
}

export const route = (ask: RouteAsk, rules: RouteRules): Route | Refused => {
  const asked = read(ask);
  if ('code' in asked) return asked;
  const { authority, target, absolute } = asked;
  if (rules.fixedUpstream !== undefined) {
    return { name: rules.fixedUpstream, target, host: authority || rules.fixedUpstream, absolute };
  }
  const host = hostOf(authority);
  if (!isHere(host, rules.own)) {
    const name = nameOf(host, rules.domain);
    return isServiceName(name) ? { name, target, host: authority, absolute } : noName(host, absolute);
  }
  const [, named, rest] = /^\/svc\/([^/?]*)(.*)$/.exec(target) ?? [];
  if (named === undefined || rest === undefined) return nobody;
  const name = nameOf(named, rules.domain);
  if (!isServiceName(name)) return noName(named, absolute);
  return { name, target: rest.startsWith('/') ? rest : `/${rest}`, host: named, prefix: `/svc/${named}`, absolute };
};

/** 1 to 253 of `[A-Za-z0-9._-]`, and neither `.` nor `..`, which are no names in a tree. */
export const isServiceName = (name: string): boolean => /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,253}$/.test(name);

/** The known name that is meant: the exact one, else the only one that is equal without case. */
export const knownName = (name: string, known: { has(name: string): boolean; keys(): Iterable<string> }): string | undefined => {
  if (known.has(name)) return name;
  const lower = name.toLowerCase();
  let alike: string | undefined;
  for (const other of known.keys()) {
    if (other.length !== name.length || other.toLowerCase() !== lower) continue; // names are ASCII, so case changes no length
    if (alike !== undefined) return undefined;
    alike = other;
  }
  return alike;
};

interface Asked {
  /** Empty when the app named none. */
  readonly authority: string;
  readonly target: string;
  readonly absolute: boolean;
}

const read = ({ method, target, hosts, version }: RouteAsk): Asked | Refused => {
  if (method === 'CONNECT') return noTunnel(target);
  if (hosts.length > 1) return badRequest(`Host is given ${hosts.length} times, and may be given once`);
  const [host = ''] = hosts;
  if (hosts.length === 0 && version === '1.1') return badRequest('there is no Host, which HTTP/1.1 needs');
  if (!isAuthority(host)) return badRequest(`Host ${shown(host)} is not of the form name[:port]`);
  if (/[^\x21-\xff]|\x7f/.test(target)) return badRequest(`the target ${shown(target)} has a space or a control character in it`);
  if (target.startsWith('/') || (target === '*' && method === 'OPTIONS')) return { authority: host, target, absolute: false };
  const [, authority = '', rest = ''] = /^http:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  if (authority === '' || !isAuthority(authority))
    return badRequest(`the target ${shown(target)} is neither a path nor http://name[:port]/…`);
  if (rest === '' && method === 'OPTIONS') return { authority, target: '*', absolute: true };
  return { authority, target: rest.startsWith('/') ? rest : `/${rest}`, absolute: true };
};

const isAuthority = (text: string): boolean => {
  const [whole, v6] = /^(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::\d{0,5})?$/.exec(text) ?? [];
  return whole !== undefined && (v6 === undefined || isIPv6(v6));
};

const hostOf = (authority: string): string =>
  authority.startsWith('[') ? authority.slice(1, authority.indexOf(']')) : authority.replace(/:.*$/, '');

/** No name, or one for this machine or this listener: it names no peer. */
const isHere = (host: string, own: ReadonlySet<string>): boolean => {
  const lower = host.toLowerCase();
  return host === '' || lower === 'localhost' || isIP(host) !== 0 || own.has(lower);
};

const nameOf = (host: string, domain: string): string => {
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  const suffix = `.${domain}`.toLowerCase();
  return domain !== '' && name.toLowerCase().endsWith(suffix) ? name.slice(0, -suffix.length) : name;
};

const nobody: Refused = {
  code: 'unknown_upstream',
  message: 'the call names no peer: send "Host: NAME", call /svc/NAME/…, or set http_proxy to this listener',
};

const noName = (name: string, absolute: boolean): Refused => ({
  code: 'unknown_upstream',
  message: `${shown(name)} is no name of a service (1 to 253 of A-Z a-z 0-9 . _ -)${absolute ? '; a host that is no peer belongs in no_proxy' : ''}`,
});

const noTunnel = (target: string): Refused => ({
  code: 'connect_method',
  message: `CONNECT ${shown(target)}: no tunnels here. Call a peer by http://; hosts that need https belong in no_proxy`,
});
