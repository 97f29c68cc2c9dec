/**
 * Apache Dubbo, interface level: `/dubbo/<interface>/providers/<URLEncoder(url)>`. The URL is in the node's name, and the data means
 * nothing and is never read. Its weights are whole and 100 by default: here that is 1, so that a union with other dialects is fair. Of its
 * protocols `rest` and `http` are HTTP; the others can be seen, and called only by plain TCP. We write `rest`.
 */
import { address } from '../../../lb/endpoint.js';
import { asHost, asPort, asText, asTime, asWeight, shown } from './checked.js';
import type { Dialect, Said } from './dialect.js';
import { javaDecode, javaEncode } from './java-url.js';
import { metaOf, sayable, skip } from './json.js';

const ID = 'zidecar.id';
const RESERVED = new Set([
  'weight',
  'zone',
  'enabled',
  'disabled',
  'timestamp',
  'warmup',
  ID,
  ...['anyhost', 'application', 'category', 'dynamic', 'interface', 'side'],
]);
const DEFAULT_WEIGHT = 100;
const WARMUP_MS = 600_000;
const MOST_NAME = 65_536;
const URL = /^([A-Za-z][A-Za-z0-9+.-]{0,31}):\/\/(?:[^@/?]*@)?(\[[^\]]*\]|[^:/?]*):(\d{1,5})(?:\/[^?]*)?(?:\?(.*))?$/s;
/** The parameters are not escaped one by one: what would end one of them has no room there. */
const SAYABLE = /^[^&;=?#\p{C}\p{Z}%+]{1,256}$/u;

/**
 * Dubbo 3 cuts `pid=…` and `timestamp=…` out of the text, wherever a key ends so, up to the next key, which then has the rest of this one
 * before it.
 */
const CUT = /(?:pid|timestamp)$/;

export const dubbo: Dialect = {
  name: 'dubbo',
  defaultPath: '/dubbo/{service}/providers',
  drainWaitMs: 10_000, // a consumer that has just heard of something makes two pauses of 5 s before it acts on more
  change: 'replace',
  parents: 'persistent',
  drain: 'withdraw',
  readsData: false,
  weights: {
    accepts: 'a multiple of 0.01, since Dubbo writes 100 for what is 1 here',
    fits: (weight) => weight >= 0 && Math.abs(weight * DEFAULT_WEIGHT - Math.round(weight * DEFAULT_WEIGHT)) < 1e-6,
  },
  place(instance) {
    const { service, id, weight, up, zone, since, warmupMs, protocol = 'rest', meta } = instance;
    const said = sayable(meta, RESERVED).filter((pair) => pair.every((text) => SAYABLE.test(text)));
    said.sort(([one], [other]) => Number(CUT.test(one)) - Number(CUT.test(other)));
    const parameters: Record<string, string> = {
      ...{ anyhost: 'true', application: service, dynamic: 'true' },
      ...(up ? {} : { enabled: 'false' }),
      interface: service,
      side: 'provider',
      ...(since === undefined ? {} : { timestamp: String(since) }),
      ...(warmupMs === undefined ? {} : { warmup: String(warmupMs) }),
      ...(weight === 1 ? {} : { weight: String(Math.round(weight * DEFAULT_WEIGHT)) }),
      ...(zone !== undefined && SAYABLE.test(zone) ? { zone } : {}),
      ...Object.fromEntries(said),
      [ID]: id,
    };
    const query = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
    const url = `${protocol}://${address(instance)}/${service}?${query.join('&')}`;
    return { name: javaEncode(url), data: new Uint8Array(), mode: 'ephemeral' };
  },
  read(service, node): Said {
    if (node.length > MOST_NAME) return skip('too_large', `a name of ${node.length} characters, at most ${MOST_NAME} are read`);
    const url = javaDecode(node);
    if (url === undefined) return skip('bad_encoding', `${shown(node)} has a bad % escape; Dubbo readers lose the whole update`);
    const [, protocol, told, digits, query = ''] = URL.exec(url) ?? [];
    if (protocol === undefined) return skip('bad_url', `${shown(url)} is no URL with a protocol, a host and a port`);
    const host = asHost(told);
    if (host === undefined) return skip('bad_host', `host ${shown(told)}`);
    const port = asPort(digits);
    if (port === undefined) return skip('bad_port', `port ${shown(digits)}, 1 to 65535 is accepted`);
    const said = parametersOf(query);
    const category = said.get('category') || 'providers';
    if (category !== 'providers') return skip('bad_type', `category ${shown(category)}, which is no provider`);
    const weight = asWeight(said.get('weight') ?? DEFAULT_WEIGHT);
    if (weight === undefined) return skip('bad_weight', `weight ${shown(said.get('weight'))}, 0 to 1000000 is accepted`);
    const zone = asText(said.get('zone'));
    const since = asTime(said.get('timestamp'));
    const warmup = asTime(said.get('warmup') ?? WARMUP_MS) ?? 0;
    return {
      ...{ service, id: asText(said.get(ID)) ?? address({ host, port }), host, port },
      ...{ weight: weight / DEFAULT_WEIGHT, up: isEnabled(said) },
      ...(zone === undefined ? {} : { zone }),
      ...(since === undefined ? {} : { since, warmupMs: Math.min(warmup, WARMUP_MS * 6) }),
      protocol: protocol.toLowerCase(),
      meta: metaOf(said, RESERVED),
    };
  },
};

/** As Java reads a truth: nothing but `true`, in any case, is one. */
export function isEnabled(said: ReadonlyMap<string, string>): boolean {
  const truth = (key: string, otherwise: string): boolean => (said.get(key) || otherwise).toLowerCase() === 'true';
  return truth('enabled', 'true') && !truth('disabled', 'false');
}

/** Dubbo 3 ends one at `;` too. */
export function parametersOf(query: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const pair of query === '' ? [] : query.split(/[&;]/)) {
    const [, key, value = ''] = /^([^=]*)(?:=(.*))?$/s.exec(pair)!;
    if (key !== undefined && key !== '' && asText(value) !== undefined) found.set(key, value);
  }
  return found;
}
