/**
 * What the readers of the field make of one node: take it, pass over it, or break on it, so that they lose the whole service and not this
 * node alone. Models of other people's programs, by what was seen of the real ones; test/interop holds Curator's against the real one. Pure.
 */
import { asHost, asMap, asPort, shown } from './checked.js';
import { SPRING_CLASS } from './classes.js';
import type { Said, Skip } from './dialect.js';
import { dialects } from './dialects.js';
import { isEnabled, parametersOf } from './dubbo.js';
import { openEnvelope } from './envelope.js';
import { javaDecode } from './java-url.js';
import { openJson } from './json.js';
import { unspoken } from './protocols.js';
import { MOST_METADATA } from './serverset.js';
import { readVector } from './vectors.js';
import type { Stat } from '../tree.js';
import { recognise } from './recognise.js';

export interface ReadNode {
  readonly service: string;
  readonly name: string;
  readonly data: Uint8Array;
  readonly stat: Stat;
}

export interface Verdict {
  readonly does: 'accepts' | 'ignores' | 'breaks';
  /** Empty where there is nothing to say. */
  readonly why: string;
}

export interface Reader {
  readonly name: string;
  /** Whose nodes it is made for; undefined: everybody's. */
  readonly dialect: string | undefined;
  readonly read: (node: ReadNode) => Verdict;
}

const accepts = (why = ''): Verdict => ({ does: 'accepts', why });
const ignores = (why: string): Verdict => ({ does: 'ignores', why });
const breaks = (why: string): Verdict => ({ does: 'breaks', why });
const TYPES = ['DYNAMIC', 'STATIC', 'PERMANENT', 'DYNAMIC_SEQUENTIAL'];
/** Less what zidecar says of others, which is behind a semicolon. */
const badData = ({ detail }: Skip, effect: string): Verdict => breaks(`${detail.split(';')[0]!}: ${effect}`);

/** What both Java readers of an envelope fall over; undefined: nothing. */
function envelopeFault(json: ReadonlyMap<string, unknown>): string | undefined {
  const type = json.get('serviceType') ?? 'DYNAMIC';
  if (!TYPES.includes(type as string)) return `serviceType ${shown(type)}`;
  for (const field of ['port', 'sslPort']) {
    const port = json.get(field) ?? null;
    if (port !== null && typeof port !== 'number' && !(typeof port === 'string' && /^\s*-?\d*\s*$/.test(port)))
      return `${field} ${shown(port)}`;
  }
  for (const field of ['name', 'id', 'address']) {
    const text = json.get(field);
    if (typeof text === 'object' && text !== null) return `${field} is ${shown(text)}`;
  }
  return undefined;
}

const curator: Reader = {
  name: 'Curator',
  dialect: 'curator',
  read({ data }) {
    const effect = 'throws for the whole service';
    const json = openEnvelope(data);
    if ('skip' in json) return badData(json, effect);
    const fault = envelopeFault(json);
    if (fault !== undefined) return breaks(`${fault}: ${effect}`);
    const payload = json.get('payload');
    if (typeof payload === 'object' && payload !== null) {
      const javaClass = asMap(payload)?.get('@class');
      if (typeof javaClass !== 'string') return breaks(`a payload without @class: ${effect} where its payload has a type`);
      if (!javaClass.startsWith('java.')) return breaks(`${effect}, unless it knows the class ${shown(javaClass)}`);
    }
    return json.get('enabled') === false ? ignores('enabled: false') : accepts();
  },
};

const spring: Reader = {
  name: 'Spring Cloud',
  dialect: 'spring',
  read({ data }) {
    const effect = 'throws for the whole service';
    const json = openEnvelope(data);
    if ('skip' in json) return badData(json, effect);
    const fault = envelopeFault(json);
    if (fault !== undefined) return breaks(`${fault}: ${effect}`);
    if ((json.get('port') ?? json.get('sslPort') ?? null) === null) return breaks(`neither port nor sslPort: ${effect}`);
    const payload = json.get('payload') ?? null;
    const note =
      typeof json.get('address') !== 'string'
        ? 'though without an address'
        : json.get('enabled') === false
          ? 'though enabled is false'
          : '';
    if (payload === null) return accepts(note);
    const javaClass = asMap(payload)?.get('@class');
    if (javaClass !== SPRING_CLASS) return breaks(`a payload of ${shown(javaClass ?? payload)}, not Spring's: ${effect}`);
    const status = asMap(asMap(payload)?.get('metadata'))?.get('instance_status');
    const isUp = typeof status !== 'string' || ['', 'up'].includes(status.trim().toLowerCase());
    return isUp ? accepts(note) : ignores(`instance_status ${shown(status)}`);
  },
};

/** One word for several readers of serversets: Finagle's two, by `zk2!` and `zk!`, and twitter.common's. It breaks where the strictest does. */
const finagle: Reader = {
  name: 'Finagle',
  dialect: 'serverset',
  read({ name, data }) {
    if (name.startsWith('vector_')) return vector(data);
    if (!name.startsWith('member_')) return ignores('its name does not begin with member_');
    if (!/^member_\d+$/.test(name))
      return breaks('no number behind member_: a Python client (twitter.common) loses the whole list');
    const json = openJson(data, 'no data');
    if ('skip' in json) return badData(json, DEAF);
    for (const field of ['serviceEndpoint', 'additionalEndpoints'])
      if (!asMap(json.get(field))) return breaks(`${field} is ${shown(json.get(field))}: ${DEAF}`);
    const endpoints = [json.get('serviceEndpoint'), ...(asMap(json.get('additionalEndpoints'))?.values() ?? [])].map(asMap);
    const [status, shard] = [json.get('status'), json.get('shard')];
    const fault =
      endpoints.map((endpoint) => endpointFault(endpoint?.get('host'), endpoint?.get('port'))).find(Boolean) ??
      (isScalar(status) ? undefined : `status ${shown(status)}`) ??
      (isGsonInt(shard ?? 0) ? undefined : `shard ${shown(shard)}`) ??
      metadataFault(json.get('metadata'));
    if (fault !== undefined) return breaks(fault.includes(DEAF) ? fault : `${fault}: ${DEAF}`);
    for (const endpoint of endpoints)
      for (const [field, type] of [
        ['host', 'string'],
        ['port', 'number'],
      ] as const)
        if (typeof endpoint!.get(field) !== type) return ignores(`${field} ${shown(endpoint!.get(field))}`);
    return status === 'ALIVE' ? accepts() : ignores(`status ${shown(status)}`);
  },
};

const DEAF = 'hears of no change any more';
const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
/** As Gson reads one, also out of a text. */
const isGsonInt = (value: unknown): boolean =>
  (typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value))) && Number(value) === (Number(value) | 0);

function endpointFault(host: unknown, port: unknown): string | undefined {
  const everywhere = `${DEAF} by zk!, of any service`;
  if (host === undefined || host === null) return `host ${shown(host)}: ${everywhere}`;
  if (!isScalar(host)) return `host ${shown(host)}`;
  if (!isGsonInt(port)) return `port ${shown(port)}, not a whole number`;
  return Number(port) < 0 || Number(port) > 65_535 ? `port ${shown(port)}: ${everywhere}` : undefined;
}

function metadataFault(value: unknown): string | undefined {
  const metadata = asMap(value ?? {});
  if (metadata === undefined) return `metadata is ${shown(value)}`;
  if (metadata.size > MOST_METADATA) return `${metadata.size} entries of metadata: ${DEAF} by zk2!, even when it has gone`;
  const odd = [...metadata].find(([, one]) => !isScalar(one));
  return odd && `metadata.${odd[0]} is ${shown(odd[1])}`;
}

function vector(data: Uint8Array): Verdict {
  const said = readVector(data);
  if ('skip' in said) return new TextDecoder().decode(data).trim() === 'null' ? badData(said, DEAF) : ignores(said.detail);
  const whole = /"weight"\s*:\s*-?\d+\s*[,}]/.test(new TextDecoder().decode(data));
  return whole
    ? ignores('a weight that is written as an integer: write 2.0 for 2')
    : accepts('weighs others, though Prometheus takes it for a target :0');
}

const synapse: Reader = {
  name: 'synapse',
  dialect: 'smartstack',
  read({ name, data, service, stat }) {
    const effect = "freezes the service's list";
    const encoded = name.startsWith('base64_') ? dialects.get('smartstack')!.read(service, name, data, stat) : undefined;
    // what it cannot decode it looks for in the data
    if (encoded && !('skip' in encoded && ['bad_encoding', 'not_json'].includes(encoded.skip))) {
      if (!('skip' in encoded)) return accepts();
      return encoded.skip === 'not_object' ? badData(encoded, effect) : accepts(`though ${encoded.detail}`);
    }
    const json = openJson(data, 'no data');
    if ('skip' in json) return badData(json, effect);
    for (const field of ['host', 'port']) if (!json.has(field)) return breaks(`${field} is missing: ${effect}`);
    if (typeof json.get('host') !== 'string') return accepts(`though its host is ${shown(json.get('host'))}`);
    return accepts(typeof json.get('name') === 'string' ? '' : 'though without a name, which Prometheus wants');
  },
};

/** Of everything something: a protocol, a host, what stands for a port, parameters. */
const DUBBO_URL = /^(?:([^/?]*):\/\/)?(?:[^@/?]*@)?(\[[^\]]*\]|[^:/?]*)(?::([^/?]*))?[^?]*(?:\?(.*))?$/s;
const isInt = (text: string): boolean => /^[-+]?\d+$/.test(text) && Math.abs(Number(text)) < 2 ** 31;

const dubbo: Reader = {
  name: 'Dubbo',
  dialect: 'dubbo',
  read({ name }) {
    const url = javaDecode(name);
    if (url === undefined) return breaks('a bad % escape: the whole update is lost');
    const [, protocol, host, port, query = ''] = DUBBO_URL.exec(url)!;
    if (protocol === undefined && query === '') return breaks('its name is no URL: the whole update is lost');
    if (port !== undefined && !isInt(port)) return breaks(`port ${shown(port)}, no number: the whole update is lost`);
    const said = parametersOf(query);
    const [category, weight] = [said.get('category') || 'providers', said.get('weight') || '100'];
    if (category !== 'providers') return ignores('no provider');
    if (!isEnabled(said)) return ignores(`enabled=${said.get('enabled') ?? 'true'}, disabled=${said.get('disabled') ?? 'false'}`);
    if (!isInt(weight)) return breaks(`weight ${shown(weight)}, no number: every call fails`);
    return accepts(asHost(host) && asPort(port) ? '' : 'no host or no port: calls to it fail');
  },
};

const zidecar: Reader = {
  name: 'zidecar',
  dialect: undefined,
  read({ service, name, data, stat }) {
    const { dialect } = recognise(name, data) ?? { dialect: 'curator' };
    const said: Said = dialects.get(dialect)!.read(service, name, data, stat);
    if ('skip' in said) return ignores(said.detail);
    if ('factors' in said) return accepts('weighs others');
    return said.up ? accepts(unspoken(said.protocol, 'NAME')) : ignores('drained or disabled');
  },
};

export const readers: readonly Reader[] = [curator, spring, finagle, synapse, dubbo, zidecar];
