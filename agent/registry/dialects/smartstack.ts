/**
 * SmartStack: nerve writes, synapse reads `<path>/<instance id>_<ten digits>`, ephemeral and sequential. The JSON is in the data, or, with
 * nerve's path encoding, in the name: `base64_<length>_<base64url with padding>_<ten digits>`, to be cut by its length, since the alphabet
 * holds `_`. synapse reads a node once, so a change is a new node. The data of the parent is synapse's own.
 */
import { asHost, asMap, asPort, asText, asTime, asWeight, isPrintable, shown } from './checked.js';
import type { Dialect, Said, Skip } from './dialect.js';
import { metaOf, openJson, sayable, skip } from './json.js';

const SINCE = 'zidecar.since';
const RESERVED = new Set(['az', 'zone', SINCE]);
const MOST_ENCODED = 65_536;

export const smartstack: Dialect = {
  name: 'smartstack',
  defaultPath: '/nerve/services/{service}/services',
  drainWaitMs: 3_000,
  change: 'replace',
  parents: 'persistent',
  drain: 'withdraw',
  readsData: true,
  weights: { accepts: 'a whole number from 0', fits: (weight) => Number.isInteger(weight) && weight >= 0 },
  place({ id, host, port, weight, zone, since, meta, inName = false }) {
    const labels = {
      ...(zone === undefined ? {} : { az: zone }),
      ...Object.fromEntries(sayable(meta, RESERVED)),
      ...(since === undefined ? {} : { [SINCE]: String(since) }),
    };
    const said = {
      host,
      port,
      name: id,
      ...(weight === 1 ? {} : { weight }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
    };
    const data = new TextEncoder().encode(JSON.stringify(said));
    // readers that know no such names find the same in the data
    return { name: inName ? encodeName(data) : `${id}_`, data, mode: 'ephemeral_sequential' };
  },
  read(service, node, data, stat): Said {
    const encoded = decodeName(node);
    if (encoded && 'skip' in encoded) return encoded;
    if (!encoded && !isPrintable(node)) return skip('bad_id', `the node's name ${shown(node)} cannot be shown`);
    const json = openJson(encoded ?? data, "no data; synapse keeps the service's old list");
    if ('skip' in json) return json;
    const host = asHost(json.get('host'));
    if (host === undefined) return skip('bad_host', `host ${shown(json.get('host'))}`);
    const port = asPort(json.get('port'));
    if (port === undefined) return skip('bad_port', `port ${shown(json.get('port'))}, 1 to 65535 is accepted`);
    const weight = asWeight(json.get('weight') ?? 1);
    if (weight === undefined) return skip('bad_weight', `weight ${shown(json.get('weight'))}, 0 to 1000000 is accepted`);
    const labels = asMap(json.get('labels'));
    const zone = asText(labels?.get('az') ?? labels?.get('zone'));
    const since = asTime(labels?.get(SINCE)) ?? asTime(stat.ctime);
    const id = encoded ? (asText(json.get('name')) ?? `${host}:${port}`) : node.replace(/_\d{10}$/, '');
    return {
      ...{ service, id, host, port, weight, up: true },
      ...(zone === undefined ? {} : { zone }),
      ...(since === undefined ? {} : { since }),
      meta: metaOf(labels, RESERVED),
    };
  },
};

function encodeName(data: Uint8Array): string {
  const text = Buffer.from(data).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  return `base64_${text.length}_${text}_`;
}

/** The bytes that a name holds; undefined where it is a plain one. */
function decodeName(node: string): Uint8Array | Skip | undefined {
  const [head, digits] = /^base64_(\d{1,9})_/.exec(node) ?? [];
  if (head === undefined) return undefined;
  const length = Number(digits);
  if (length > MOST_ENCODED)
    return skip('too_large', `a name with ${length} encoded characters, at most ${MOST_ENCODED} are read`);
  const text = node.slice(head.length, head.length + length);
  const rest = node.slice(head.length + length);
  if (text.length !== length || !/^_\d{1,10}$/.test(rest) || !/^[A-Za-z0-9_-]*={0,2}$/.test(text))
    return skip('bad_encoding', `${shown(node)} is no name with base64 of the length that it says`);
  return Buffer.from(text, 'base64url');
}
