/**
 * Serversets of Finagle, Aurora and Linkerd 1: `<path>/member_<ten digits>`, ephemeral and sequential, JSON with `serviceEndpoint`,
 * `additionalEndpoints` and `status`, all three of which its readers want. Only ALIVE is called. Its JVM readers read a member once, so a
 * change is a new member; weights stand in siblings (vectors.ts). There is no id: ours stands in `metadata`, with the start time.
 */
import { HEALTH_KEY } from '../../trust/who-answers.js';
import { asHost, asMap, asPort, asText, asTime, isPrintable, shown } from './checked.js';
import type { Dialect, Instance, Said } from './dialect.js';
import { metaOf, openJson, sayable, skip } from './json.js';
import { readVector, writeVector } from './vectors.js';

const ID = 'zidecar.id';
const SINCE = 'zidecar.since';
const RESERVED = new Set(['zone', ID, SINCE]);
/** Of a member with more of them Finagle throws, and never hears of any of the set again. */
export const MOST_METADATA = 10;
/** Entries of somebody's META: beside them stand our three, and where we answer. */
const MOST_META = MOST_METADATA - RESERVED.size - 1;
const STATUSES = ['ALIVE', 'DEAD', 'STARTING', 'STOPPING', 'STOPPED', 'WARNING'];

export const serverset: Dialect = {
  name: 'serverset',
  defaultPath: '/discovery/{service}',
  drainWaitMs: 20_000, // Finagle gathers for ten seconds, and lets go at the end of the next ten
  change: 'replace',
  parents: 'persistent',
  drain: 'withdraw',
  readsData: true,
  weights: { accepts: 'a number from 0', fits: (weight) => weight >= 0 },
  place(instance) {
    const { id, host, port, up, zone, since, meta, endpoints = {} } = instance;
    const shard = isShard(meta['shard']) ? Number(meta['shard']) : undefined;
    const metadata = {
      ...(zone === undefined ? {} : { zone }),
      ...Object.fromEntries(told(meta)),
      [ID]: id,
      ...(since === undefined ? {} : { [SINCE]: String(since) }),
    };
    const status = up ? 'ALIVE' : 'STOPPING';
    const member = {
      serviceEndpoint: { host, port },
      additionalEndpoints: Object.fromEntries(Object.entries(endpoints).map(([name, other]) => [name, { host, port: other }])),
      status,
      ...(shard === undefined ? {} : { shard }),
      metadata,
    };
    return { name: 'member_', data: new TextEncoder().encode(JSON.stringify(member)), mode: 'ephemeral_sequential' };
  },
  untold(meta) {
    const keys = labels(meta, false).slice(MOST_META);
    const why = `has room for ${MOST_META} entries, and more would cost every Finagle the whole service`;
    return keys.length === 0 ? undefined : { keys: keys.map(([key]) => key), why };
  },
  beside: ({ weight }, name) =>
    weight === 1 ? undefined : { name: 'vector_', data: writeVector(name, weight), mode: 'ephemeral_sequential' },
  read(service, node, data, stat, endpoint): Said {
    if (!isPrintable(node)) return skip('bad_id', `the node's name ${shown(node)} cannot be shown`);
    if (node.startsWith('vector_')) return readVector(data);
    if (!node.startsWith('member_')) return skip('bad_id', `the name ${shown(node)}, where member_… is expected`);
    const member = openJson(data, 'no data; Finagle readers wait for it and hear of no change meanwhile');
    if ('skip' in member) return member;
    const status = member.get('status');
    if (!STATUSES.includes(status as string))
      return skip('bad_status', `status ${shown(status)}, one of ${STATUSES.join(', ')} is accepted`);
    const named =
      endpoint === undefined ? member.get('serviceEndpoint') : asMap(member.get('additionalEndpoints'))?.get(endpoint);
    const at = asMap(named);
    const what = endpoint === undefined ? 'serviceEndpoint' : `additionalEndpoints.${endpoint}`;
    if (at === undefined) return skip('no_endpoint', `${what} is ${shown(named)}`);
    const host = asHost(at.get('host'));
    if (host === undefined) return skip('bad_host', `host ${shown(at.get('host'))} of ${what}`);
    const port = asPort(at.get('port'));
    if (port === undefined) return skip('bad_port', `port ${shown(at.get('port'))} of ${what}, 1 to 65535 is accepted`);
    const metadata = asMap(member.get('metadata'));
    const zone = asText(metadata?.get('zone'));
    const since = asTime(metadata?.get(SINCE)) ?? asTime(stat.ctime);
    const meta = metaOf(metadata, RESERVED);
    const shard = member.get('shard');
    if (Number.isInteger(shard)) meta['shard'] = String(shard);
    return {
      ...{ service, id: asText(metadata?.get(ID)) ?? node, host, port, weight: 1, up: status === 'ALIVE' },
      ...(zone === undefined ? {} : { zone }),
      ...(since === undefined ? {} : { since }),
      meta,
    } satisfies Instance;
  },
};

const labels = (meta: Instance['meta'], whereWeAnswer: boolean): [string, string][] =>
  sayable(meta, RESERVED).filter(
    ([key, value]) => (key === HEALTH_KEY) === whereWeAnswer && (key !== 'shard' || !isShard(value)),
  );
/** Of META the first that there is room for, and in any case where we answer, by which a doubtful peer proves itself. */
const told = (meta: Instance['meta']): [string, string][] => [...labels(meta, true), ...labels(meta, false).slice(0, MOST_META)];

/** As JSON writes it, so that it is the same when it is read again. */
const isShard = (text: string | undefined): boolean => text !== undefined && /^(?:0|-?[1-9]\d{0,8})$/.test(text);
