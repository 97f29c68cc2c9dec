/**
 * Which upstream the address of a request means, and what of the address goes on. Routing is route.ts's; this remembers what it said, so
 * that the same Host (with the same `http://name` or `/svc/NAME` before the path) costs one look into a map. What is remembered holds for
 * the address, never for the path behind it. Names that route to nobody are not remembered, nor is an upstream that is followed no more.
 */
import { linesOf } from '../headers.js';
import type { CallParts, Entrance } from '../lane.js';
import { requestIdName } from '../request-id.js';
import { is } from './names.js';
import type { Pools } from './pools.js';
import { ASTERISK, type RequestHead } from './request-head.js';
import { room } from './rewrite.js';
import { route } from '../route.js';
import type { Upstream } from '../upstream.js';

export interface Way {
  readonly name: string;
  readonly upstream: Upstream;
  readonly pools: Pools;
  /** Came as to a proxy. */
  readonly absolute: boolean;
  /** So many bytes of the target do not go on. */
  readonly cut: number;
  /** The Host that came, where there was nothing else to find it by. */
  readonly plainHost: Buffer | undefined;
  readonly host: string;
  /** Host is not the one that came. */
  readonly newHost: boolean;
  readonly prefix: string | undefined;
  /** What is put into the head if it has a request id, and if it has none: then our next one stands at `idAt`. */
  readonly ours: Buffer;
  readonly oursWithId: Buffer;
  readonly idAt: number;
}

/** What an app sends as Host is its own affair, so the memory is bounded: once full, it begins anew. */
const mostWays = 1024;
const httpLength = 'http://'.length;
const svc = Buffer.from('/svc/');
const SLASH = 0x2f;
const QUERY = 0x3f;

export class Ways {
  readonly #parts: CallParts;
  readonly #poolsOf: (upstream: Upstream) => Pools;
  readonly #fixed: string | undefined;
  readonly #known = new Map<string, Way>();

  constructor(parts: CallParts, { upstream }: Entrance, poolsOf: (upstream: Upstream) => Pools) {
    this.#parts = parts;
    this.#fixed = upstream;
    this.#poolsOf = poolsOf;
  }

  /** `last`: the way of the connection's last request. Undefined: the full lane has the words for it. */
  find(bytes: Buffer, head: RequestHead, last: Way | undefined): Way | undefined {
    if (head.hostLine < 0) return undefined;
    const addressEnd = endOfAddress(bytes, head);
    if (last !== undefined && addressEnd === head.targetStart && this.#isSame(last, bytes, head)) return last;
    const host = bytes.toString('latin1', head.hostStart, head.hostEnd);
    const key = addressEnd === head.targetStart ? host : `${bytes.toString('latin1', head.targetStart, addressEnd)}\r${host}`;
    let way = this.#known.get(key);
    if (way === undefined || this.#parts.lookup(way.name, way.absolute) !== way.upstream) {
      way = this.#make(
        host,
        bytes.toString('latin1', head.targetStart, head.targetEnd),
        addressEnd - head.targetStart,
        head.method,
      );
      if (way === undefined) return undefined;
      if (this.#known.size >= mostWays) this.#known.clear();
      this.#known.set(key, way);
    }
    const first = bytes[head.targetStart + way.cut];
    return first === SLASH || first === ASTERISK ? way : undefined; // the latter: OPTIONS *, as no name has one in it
  }

  /** It was found by a Host alone, and this one is that. */
  #isSame({ plainHost, name, absolute, upstream }: Way, bytes: Buffer, { hostStart, hostEnd }: RequestHead): boolean {
    if (plainHost === undefined || plainHost.length !== hostEnd - hostStart) return false;
    for (let index = 0; index < plainHost.length; index++) if (plainHost[index] !== bytes[hostStart + index]) return false;
    return this.#parts.lookup(name, absolute) === upstream;
  }

  #make(host: string, target: string, addressLength: number, method: string): Way | undefined {
    const { own, domain, lookup, pseudonym, forwardedFor } = this.#parts;
    const fixed = this.#fixed === undefined ? {} : { fixedUpstream: this.#fixed };
    const way = route({ method, target, hosts: [host], version: '1.1' }, { own, domain, ...fixed });
    if ('code' in way) return undefined;
    const cut = target.length - way.target.length;
    if (cut > addressLength || !target.endsWith(way.target)) return undefined;
    const upstream = lookup(way.name, way.absolute);
    if ('code' in upstream) return undefined;
    const fields: string[] = [];
    if (way.host !== host) fields.push('Host', way.host);
    if (forwardedFor !== undefined) fields.push('x-forwarded-for', forwardedFor);
    if (way.prefix !== undefined) fields.push('x-forwarded-prefix', way.prefix);
    const before = linesOf(fields);
    const via = linesOf(['via', `1.1 ${pseudonym}`]);
    const ours = Buffer.from(before + via, 'latin1');
    const oursWithId = Buffer.from(`${before}${requestIdName}${' '.repeat(32)}\r\n${via}`, 'latin1');
    if (oursWithId.length > room) return undefined;
    return {
      ...{ name: way.name, upstream, pools: this.#poolsOf(upstream), absolute: way.absolute, cut },
      ...{ plainHost: addressLength === 0 ? Buffer.from(host, 'latin1') : undefined },
      ...{ host: way.host, newHost: way.host !== host, prefix: way.prefix },
      ...{ ours, oursWithId, idAt: before.length + requestIdName.length },
    };
  }
}

/** What of the target routing looks at ends here. */
function endOfAddress(bytes: Buffer, { targetStart, targetEnd, absolute }: RequestHead): number {
  let at = targetStart;
  if (absolute) {
    at += httpLength;
    while (at < targetEnd && bytes[at] !== SLASH && bytes[at] !== QUERY) at++;
  }
  if (!is(bytes, at, svc)) return at;
  at += svc.length;
  while (at < targetEnd && bytes[at] !== SLASH && bytes[at] !== QUERY) at++;
  return at;
}
