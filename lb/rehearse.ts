/**
 * What would become of a call, without sending it: the same rules in the same order as in full/plan.ts and upstream.ts, put into words. Whose
 * turn it is stays open, since asking for that would take the turn; who could get it, and with which share, does not.
 */
import { address } from './endpoint.js';
import { hashKeyOf, type HashOn } from './hash-key.js';
import { requestFields, valuesOf } from './headers.js';
import type { CallParts, Lookup } from './lane.js';
import { forwardsLeft } from './max-forwards.js';
import type { Refused } from './refusal.js';
import { route, type Route } from './route.js';
import type { EndpointView } from './explain.js';
import { isIdempotent } from './retry.js';
import { statusWords } from './retry-on.js';
import { isSafe } from './hedge.js';
import type { CallSettings } from './settings.js';
import type { Upstream } from './upstream.js';

export interface Rehearsed {
  readonly method: string;
  readonly target: string;
  /** Flat raw pairs. */
  readonly raw: readonly string[];
}

export interface Rehearsal {
  readonly steps: readonly { readonly about: string; readonly says: string }[];
  /** What the app would be answered by us. */
  readonly refused: Refused | null;
  /** Those that will do for this call, each with its share now and the reason. */
  readonly endpoints: readonly EndpointView[];
}

type Rules = Pick<CallParts, 'own' | 'domain' | 'pseudonym' | 'settings'> & {
  readonly lookup: Lookup;
  /** The call comes to a listener that serves this one only. */
  readonly fixedUpstream?: string | undefined;
};

export function rehearse(
  { method, target, raw }: Rehearsed,
  { own, domain, pseudonym, lookup, settings: settingsOf, fixedUpstream }: Rules,
): Rehearsal {
  const steps: { about: string; says: string }[] = [];
  const say = (about: string, says: string): void => void steps.push({ about, says });
  const refuse = (refused: Refused): Rehearsal => ({ steps, refused, endpoints: [] });

  const hosts = valuesOf(raw, 'host');
  const way = route(
    { method, target, hosts, version: '1.1' },
    { own, domain, ...(fixedUpstream !== undefined && { fixedUpstream }) },
  );
  if ('code' in way) return refuse(way);
  say(
    'route',
    `${fixedUpstream === undefined ? rule(way, hosts[0] ?? '', target) : 'the port of its own'} names ${way.name}; ${method} ${way.target} goes on with Host ${way.host}`,
  );
  const forwards = forwardsLeft(method, raw);
  if (typeof forwards === 'object') return refuse(forwards);
  if (forwards === 0) {
    say('route', 'Max-Forwards is 0: it is answered here, and goes to nobody');
    return { steps, refused: null, endpoints: [] };
  }
  const upstream = lookup(way.name, way.absolute);
  if ('code' in upstream) return refuse(upstream);
  if (upstream.name !== way.name) say('route', `${way.name} is equal to ${upstream.name} but for case, and no other name is`);
  const rules = { host: way.host, prefix: way.prefix, version: '1.1', pseudonym } as const;
  const head = requestFields(raw, { ...rules, newRequestId: () => '' });
  if ('code' in head) return refuse(head);

  const settings = settingsOf(upstream.name);
  if (head.subset !== undefined) say('subset', `only endpoints with ${head.subset.text}, by x-zidecar-subset`);
  const { hashOn } = settings;
  // what is asked about would come from this machine
  const key = hashOn && hashKeyOf(hashOn, { target: way.target, raw, remoteAddress: '127.0.0.1' });
  const ask = { tried: [], subset: head.subset, key };
  const fitting = upstream.explain(ask);
  if (hashOn !== undefined)
    say(
      'key',
      byKey(
        hashOn,
        key,
        fitting.find(({ share }) => share > 0),
      ),
    );
  say('time', times(settings, head.timeoutMs));
  say('again', again(upstream, method, head.retries ?? settings.retries, settings, head.keyed));
  const total = fitting.reduce((sum, { share }) => sum + share, 0);
  const endpoints = fitting.map((one) => ({ ...one, share: total === 0 ? 0 : Math.round((one.share * 1000) / total) / 10 }));
  const nobody = why(upstream, endpoints);
  return { steps, endpoints, refused: nobody === undefined ? null : upstream.whyNot(nobody, way.absolute, ask) };
}

/** Why nobody could be asked now; undefined: somebody could. */
const why = (
  { listed, size }: Upstream,
  endpoints: readonly EndpointView[],
): 'discovering' | 'no_subset' | 'all_open' | 'no_endpoints' | undefined => {
  if (!listed) return 'discovering';
  if (endpoints.some(({ share, circuit }) => share > 0 || circuit === 'half_open')) return undefined;
  if (endpoints.length === 0 && size > 0) return 'no_subset';
  return endpoints.some(({ weight }) => weight > 0) ? 'all_open' : 'no_endpoints';
};

const rule = ({ absolute, prefix }: Route, host: string, target: string): string => {
  if (prefix !== undefined) return `the path ${prefix}`;
  return absolute ? `the absolute form ${target.split(/[?#]/)[0]!}` : `Host ${host}`;
};

const byKey = (on: HashOn, key: number | undefined, home: EndpointView | undefined): string => {
  const what = 'name' in on ? `${on.by} ${on.name}` : { path: 'path', source: 'source, which is this pod' }[on.by];
  if (key === undefined) return `by the ${what}, which it does not have: by chance, then`;
  return `by the ${what}: ${home === undefined ? 'to nobody now' : `to ${address(home)}`}`;
};

/** As it was set: `50 ms`, `1.5 s`, `90 min`. */
const exactly = (ms: number): string =>
  ms < 1_000 ? `${ms} ms` : ms > 60_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;

const times = ({ requestTimeoutMs, responseTimeoutMs, connectTimeoutMs }: CallSettings, asked: number | undefined): string => {
  const of = (ms: number | undefined): string => (ms === undefined ? 'no end of time' : exactly(ms));
  const whole =
    asked !== undefined && asked < (requestTimeoutMs ?? Infinity) ? `${exactly(asked)}, as the app asks,` : of(requestTimeoutMs);
  return `${whole} in all, ${of(responseTimeoutMs)} for an attempt, ${of(connectTimeoutMs)} for a connect`;
};

const again = (
  { size }: Upstream,
  method: string,
  retries: number,
  { retryOn, retryKeyed, hedge }: CallSettings,
  keyed: boolean,
): string => {
  const safe = isIdempotent(method) || (retryKeyed && keyed);
  const kinds = [...retryOn.codes, ...statusWords(retryOn.statuses ?? new Set())].join(', ');
  const repeated =
    safe && retries > 0 ? `up to ${retries} more after ${kinds || 'nothing'}` : 'only if nothing of it was written';
  const second =
    hedge !== undefined && isSafe(method) && size > 1
      ? `; a second send beside it after ${hedge === 'p95' ? 'p95' : exactly(hedge)}`
      : '';
  return `${repeated}${second}`;
};
