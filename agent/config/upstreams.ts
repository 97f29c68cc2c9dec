/**
 * The peers of the app, put together from the list in ZIDECAR_UPSTREAMS and the map `upstreams` of the YAML file. The file's names are the
 * list where there is no other; its settings and sources hold for a name wherever that came from. Naming peers closes the list, `*`
 * opens it.
 */
import type { Listener } from './addresses.js';
import type { Place } from './announcements.js';
import { Fields } from './fields.js';
import { serviceName } from './parse.js';
import { refusal } from './problems.js';
import { isKey, schema, upstreamKeys, type Settings, type UpstreamSettings } from './schema.js';
import { takeSources, type SourceList } from './source-list.js';
import { upstreamPort, type UpstreamPort } from './upstream-list.js';
import type { Source } from '../registry/registry.js';

export interface NamedUpstream {
  readonly name: string;
  readonly sources: readonly Source[];
  /** Listeners of its own; none without a port. */
  readonly listen: readonly Listener[];
  /** They carry bytes, not HTTP. */
  readonly tcp: boolean;
}

export interface Upstreams {
  /** True: no other name can be called. */
  readonly closed: boolean;
  readonly named: readonly NamedUpstream[];
}

/** What the file says of one name. */
export interface UpstreamRow {
  readonly sources?: SourceList | undefined;
  readonly port?: UpstreamPort | undefined;
  readonly overrides: Partial<UpstreamSettings>;
  /** The same as written: `policy random`. */
  readonly texts: readonly string[];
}

export interface UpstreamRows {
  readonly rows: ReadonlyMap<string, UpstreamRow>;
  readonly closed: boolean;
}

/** What is wrong is added to `problems`. */
export function readUpstreams(where: string, map: ReadonlyMap<unknown, unknown>, problems: string[]): UpstreamRows {
  const rows = new Map<string, UpstreamRow>();
  let closed = map.size > 0;
  for (const [key, value] of map) {
    const name = typeof key === 'string' ? key : '';
    const at = `${where}: upstreams.${name}`;
    const checked = serviceName.read(name);
    if (name === '*') {
      closed = false;
      if (value !== '' && !(value instanceof Map && value.size === 0)) {
        problems.push(`${where}: upstreams.*: settings for every peer stand on the top level of the file, not here`);
      }
    } else if ('problem' in checked) problems.push(refusal(at, checked.problem, serviceName));
    else if (value instanceof Map) rows.set(name, readUpstream(new Fields(at, value, problems)));
    else if (value === '') rows.set(name, { overrides: {}, texts: [] });
    else problems.push(`${at} is not a map, such as {policy: least_request}`);
  }
  return { rows, closed };
}

/** Where people look for them first. */
const TCP = ['protocol', 'tcp', 'mode'];
const OF_A_SOURCE = ['dialect', 'path', 'registryPath', 'endpoint', 'zookeeper'];

function readUpstream(fields: Fields): UpstreamRow {
  fields.only(['sources', 'port', ...upstreamKeys], (key) => {
    if (TCP.includes(key)) return 'plain TCP is said before the port: port: "tcp:7002"';
    if (OF_A_SOURCE.includes(key)) return `belongs to a source: sources: [{ dialect: serverset, path: /aurora/www/prod/orders }]`;
    return isKey(key) ? 'holds for all peers or none; it stands on the top level of the file' : undefined;
  });
  const set = upstreamKeys.flatMap((key) => {
    const read = fields.read<unknown>(key, schema[key].grammar);
    return read === undefined ? [] : [{ key, ...read }];
  });
  return {
    sources: takeSources(fields),
    port: fields.take('port', upstreamPort),
    overrides: Object.fromEntries(set.map(({ key, value }) => [key, value])),
    texts: set.map(({ key, text }) => `${key} ${text}`),
  };
}

/** Ports bind the host of OUTBOUND, or 127.0.0.1 where that has none. */
export function upstreamsOf(base: Settings, file: UpstreamRows | undefined, place: Place): Upstreams {
  const rows = file?.rows ?? new Map<string, UpstreamRow>();
  const listed = base.upstreams?.named ?? [...rows.keys()].map((name) => ({ name, port: undefined, sources: undefined }));
  const hosts = base.outbound.flatMap((listener) => (listener.kind === 'tcp' ? [listener.host] : []));
  return {
    closed: base.upstreams?.closed ?? file?.closed ?? false,
    named: listed.map(({ name, port = rows.get(name)?.port, sources: from = rows.get(name)?.sources?.sources }) => ({
      name,
      sources: (from ?? [{ dialect: base.dialect }]).map((source) => place(name, source)),
      tcp: port?.tcp ?? false,
      listen:
        port === undefined
          ? []
          : (hosts.length > 0 ? hosts : ['127.0.0.1']).map((host): Listener => ({ kind: 'tcp', host, port: port.port })),
    })),
  };
}
