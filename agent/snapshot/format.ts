/**
 * The snapshot as text: one JSON document, in which each line is one service with the lists of its sources and a checksum of its own, so
 * that a broken line loses that service and no other, and a changed service is one line to make anew.
 *
 *   {"zidecar":"snapshot","version":2,"registry":["zk1:2181","zk2:2181"],"services":[
 *   ["<sha256 of what follows>",{"name":"orders","lists":[{"dialect":"curator","path":"/services/orders","asOf":…,"instances":[…]}]}],
 *   …
 *   null]}
 *
 * A snapshot of another registry is none: its services have the same names and paths, and other instances. Pure. Whatever is read may have been written by anybody, and is checked as what comes from the network.
 */
import { createHash } from 'node:crypto';
import { isServiceName } from '../../lb/route.js';
import { quote } from '../printable.js';
import { asHost, asMap, asPort, asText, asTime, asWeight, isPrintable } from '../registry/dialects/checked.js';
import type { Instance } from '../registry/dialects/dialect.js';
import type { InstanceList, Source } from '../registry/registry.js';
import { isSameRegistry, type Places } from './places.js';

export interface Told {
  readonly source: Source;
  readonly list: Pick<InstanceList, 'instances' | 'asOf'>;
}

/** The lists of a service, by `sourceKey`. */
export type Lists = ReadonlyMap<string, Told>;

const head = (places: Places): string => `{"zidecar":"snapshot","version":2,"registry":${JSON.stringify(places)},"services":[`;
const HEAD = /^\{"zidecar":"snapshot","version":2,"registry":(\[.*\]),"services":\[$/s;
const FOOT = 'null]}';
const MOST_INSTANCES = 20_000;
/** An instance whose metadata makes it longer than this is kept without it. */
const MOST_INSTANCE = 2_048;
/** What is older was true too long ago, and what is from the future was written by a clock that nobody can trust. */
export const MOST_AGE_MS = 30 * 60_000;
const FUTURE_MS = 60_000;

export const sourceKey = ({ dialect, path, endpoint = '', registry = '' }: Source): string =>
  `${dialect} ${path} ${endpoint} ${registry}`;

/** One line, without the comma behind it. */
export function lineOf(name: string, told: readonly Told[]): string {
  const lists = told.map(({ source, list }) => ({ ...source, asOf: list.asOf, instances: list.instances.map(trimmed) }));
  const body = JSON.stringify({ name, lists });
  return `["${sha256(body)}",${body}]`;
}

const trimmed = (instance: Instance): Instance =>
  JSON.stringify(instance.meta).length > MOST_INSTANCE ? { ...instance, meta: {} } : instance;

/** `places`: of the main registry. */
export const textOf = (places: Places, lines: Iterable<string>): string =>
  [head(places), ...Array.from(lines, (line) => `${line},`), FOOT, ''].join('\n');

export interface Read {
  readonly services: ReadonlyMap<string, Lists>;
  /** The age of the oldest list that is used. */
  readonly ageMs: number;
  /** A sentence for each thing that was passed over. */
  readonly problems: readonly string[];
}

/** `ours`: the places of the main registry now. Never throws. */
export function readText(text: string, wall: number, ours: Places): Read {
  const lines = text.split('\n');
  const problems: string[] = [];
  const services = new Map<string, Lists>();
  let ageMs = 0;
  const places = readPlaces(lines[0]!);
  if (places === undefined) return { services, ageMs, problems: ['it is no snapshot of this version'] };
  if (!isSameRegistry(places, ours)) {
    const [theirs, here] = [places, ours].map((all) => quote(all.join(','), 200));
    return { services, ageMs, problems: [`it is of another registry, ${theirs}, and ours is ${here}`] };
  }
  if (lines.at(-2) !== FOOT) problems.push('it ends before its end');
  let [broken, old] = [0, 0];
  for (const line of lines.slice(1)) {
    if (line === FOOT || line === '') continue;
    const service = readLine(line);
    if (service === undefined) {
      broken++;
      continue;
    }
    const fresh = [...service.lists].filter(
      ([
        ,
        {
          list: { asOf },
        },
      ]) => asOf <= wall + FUTURE_MS && wall - asOf <= MOST_AGE_MS,
    );
    if (fresh.length < service.lists.size) old++;
    if (fresh.length === 0) continue;
    services.set(service.name, new Map(fresh));
    for (const [, { list }] of fresh) ageMs = Math.max(ageMs, wall - list.asOf);
  }
  if (broken > 0) problems.push(`${broken} of its services are broken`);
  if (old > 0) problems.push(`${old} of its services are older than ${MOST_AGE_MS / 60_000} minutes, or from the future`);
  return { services, ageMs, problems };
}

function readPlaces(line: string): Places | undefined {
  try {
    const places: unknown = JSON.parse(HEAD.exec(line)?.[1] ?? 'null');
    return Array.isArray(places) && places.every((place) => typeof place === 'string') ? places : undefined;
  } catch {
    return undefined;
  }
}

function readLine(line: string): { readonly name: string; readonly lists: Lists } | undefined {
  const [, sum, body] = /^\["([0-9a-f]{64})",(.*)\],$/s.exec(line) ?? [];
  if (sum === undefined || body === undefined || sha256(body) !== sum) return undefined;
  try {
    const service = asMap(JSON.parse(body));
    const name = asText(service?.get('name'));
    const lists = service?.get('lists');
    if (name === undefined || !isServiceName(name) || !Array.isArray(lists)) return undefined;
    const found = lists.map((list) => readList(name, list));
    const whole = found.filter((told) => told !== undefined);
    return whole.length < found.length
      ? undefined
      : { name, lists: new Map(whole.map((told) => [sourceKey(told.source), told])) };
  } catch {
    return undefined;
  }
}

function readList(service: string, value: unknown): Told | undefined {
  const list = asMap(value);
  const [dialect, path, endpoint, registry] = ['dialect', 'path', 'endpoint', 'registry'].map((key) => asText(list?.get(key)));
  const asOf = asTime(list?.get('asOf'));
  const instances = list?.get('instances');
  if (dialect === undefined || path === undefined || asOf === undefined || !Array.isArray(instances)) return undefined;
  const found = instances.slice(0, MOST_INSTANCES).map((instance) => readInstance(service, instance));
  const whole = found.filter((instance) => instance !== undefined);
  if (whole.length < found.length) return undefined;
  const source = {
    ...{ dialect, path, ...(endpoint !== undefined && { endpoint }) },
    ...(registry !== undefined && { registry }),
  };
  return { source, list: { asOf, instances: whole } };
}

function readInstance(service: string, value: unknown): Instance | undefined {
  const read = asMap(value);
  const id = read?.get('id');
  const [host, port, weight] = [asHost(read?.get('host')), asPort(read?.get('port')), asWeight(read?.get('weight'))];
  if (typeof id !== 'string' || id === '' || !isPrintable(id)) return undefined;
  if (host === undefined || port === undefined || weight === undefined) return undefined;
  const [zone, protocol] = [asText(read?.get('zone')), asText(read?.get('protocol'))];
  const [since, warmupMs] = [asTime(read?.get('since')), asTime(read?.get('warmupMs'))];
  const meta = Object.create(null) as Record<string, string>;
  for (const [key, told] of asMap(read?.get('meta')) ?? []) if (typeof told === 'string') meta[key] = told;
  return {
    ...{ service, id, host, port, weight, up: read?.get('up') === true, meta },
    ...(zone !== undefined && { zone }),
    ...(since !== undefined && { since }),
    ...(warmupMs !== undefined && { warmupMs }),
    ...(protocol !== undefined && { protocol }),
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
