/**
 * The JSON envelope of Curator's x-discovery, which Spring Cloud and Dubbo's application level write too; the dialects differ in the
 * payload only. Written strictly (the field order of the real serializer, nothing of our own on the top level, because old readers
 * refuse unknown fields), read tolerantly: ports and weights as text are numbers, unknown fields and payload classes are passed over.
 */
import type { Stat } from '../tree.js';
import { asHost, asMap, asPort, asText, asTime, asWeight, isPrintable, shown } from './checked.js';
import type { Dialect, Instance, Skip } from './dialect.js';
import { metaOf, openJson, sayable, skip } from './json.js';

/** It has no weights of siblings. */
export interface EnvelopeDialect extends Dialect {
  read(...node: Parameters<Dialect['read']>): Instance | Skip;
}

const variable = (value: string): object => ({ value, variable: true });
const literal = (value: string): object => ({ value, variable: false });
const URI_SPEC = { parts: [variable('scheme'), literal('://'), variable('address'), literal(':'), variable('port')] };
const SERVICE_TYPES = ['DYNAMIC', 'DYNAMIC_SEQUENTIAL', 'STATIC', 'PERMANENT'];
/** Keys of a payload that mean something to us or to the JVM readers: a user's metadata never sets them. */
const RESERVED = new Set(['@class', 'weight', 'zone', 'instance_status', 'metadata']);

export function writeEnvelope(instance: Instance, payload: object | null, extra: { readonly enabled?: false } = {}): Uint8Array {
  const { service: name, id, host: address, port, since: registrationTimeUTC = 0 } = instance;
  const envelope = { name, id, address, port, sslPort: null, payload, registrationTimeUTC, serviceType: 'DYNAMIC' };
  return new TextEncoder().encode(JSON.stringify({ ...envelope, uriSpec: URI_SPEC, ...extra }));
}

/** Weight, zone and metadata as the string map that both payloads hold. A weight of 1 is what everybody assumes, so it is not said. */
export const saidOf = ({ weight, zone, meta }: Instance): Record<string, string> => ({
  ...(weight === 1 ? {} : { weight: String(weight) }),
  ...(zone === undefined ? {} : { zone }),
  ...Object.fromEntries(sayable(meta, RESERVED)),
});

/** The top level of a node's bytes, or why there is none. */
export const openEnvelope = (data: Uint8Array): ReadonlyMap<string, unknown> | Skip =>
  openJson(data, 'no data; Curator readers throw for the whole service');

/** The Java class that the payload says it is; undefined where it says none. Tells Spring's nodes from Curator's. */
export const payloadClass = (envelope: ReadonlyMap<string, unknown>): string | undefined =>
  asText(asMap(envelope.get('payload'))?.get('@class'));

export function readEnvelope(service: string, node: string, data: Uint8Array, stat: Stat): Instance | Skip {
  const envelope = openEnvelope(data);
  if ('skip' in envelope) return envelope;
  const type = envelope.get('serviceType') ?? 'DYNAMIC';
  if (!SERVICE_TYPES.includes(type as string)) return skip('bad_type', `serviceType ${shown(type)}, Curator readers throw`);
  const name = envelope.get('name') ?? service;
  if (name !== service) return skip('bad_name', `name ${shown(name)}, but the service is ${shown(service)}`);
  const id = envelope.get('id') ?? node;
  // a sequential node is its id and ten digits of the tree's
  const own = type === 'DYNAMIC_SEQUENTIAL' ? node.replace(/\d{10}$/, '') : node;
  if (!isPrintable(node)) return skip('bad_id', `the node's name ${shown(node)} cannot be shown`);
  if (id !== node && id !== own) return skip('bad_id', `id ${shown(id)}, but the node is ${shown(node)}`);
  const host = asHost(envelope.get('address'));
  if (host === undefined) return skip('bad_host', `address ${shown(envelope.get('address'))}`);
  const port = asPort(envelope.get('port'));
  if (port === undefined) return badPort(envelope);

  const payload = asMap(envelope.get('payload'));
  const metadata = asMap(payload?.get('metadata'));
  const said = (key: string): unknown => payload?.get(key) ?? metadata?.get(key) ?? undefined;
  const weight = asWeight(said('weight') ?? 1);
  if (weight === undefined) return skip('bad_weight', `weight ${shown(said('weight'))}, 0 to 1000000 is accepted`);
  const zone = asText(said('zone'));
  const since = asTime(envelope.get('registrationTimeUTC')) ?? asTime(stat.ctime);
  return {
    service,
    id: node,
    host,
    port,
    weight,
    up: isUp(envelope.get('enabled'), said('instance_status')),
    ...(zone === undefined ? {} : { zone }),
    ...(since === undefined ? {} : { since }),
    meta: metaOf(metadata ?? payload, RESERVED),
  };
}

function badPort(envelope: ReadonlyMap<string, unknown>): Skip {
  const port = envelope.get('port') ?? null;
  if (port !== null) return skip('bad_port', `port ${shown(port)}, 1 to 65535 is accepted`);
  const secure = asPort(envelope.get('sslPort'));
  if (secure !== undefined) return skip('tls_only', `sslPort ${secure} and no port: TLS to peers is not spoken`);
  return skip('bad_port', 'port null, Spring readers throw');
}

/** Curator's switch, and Spring's: only these words take an instance out. */
function isUp(enabled: unknown, status: unknown): boolean {
  if (enabled === false || (typeof enabled === 'string' && enabled.trim().toLowerCase() === 'false')) return false;
  return typeof status !== 'string' || ['', 'up'].includes(status.trim().toLowerCase());
}
