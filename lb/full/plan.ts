/** What is to be done for a request, before anything is sent: for which upstream it is, and what goes to an endpoint. */
import { hashKeyOf } from '../hash-key.js';
import { least, withTimeLeft } from '../deadline.js';
import { requestFields, valuesOf } from '../headers.js';
import type { CallParts, Entrance } from '../lane.js';
import { forwardsLeft, lastStation, withForwards } from '../max-forwards.js';
import type { Random } from '../ports.js';
import type { RefusalAnswer, Refused } from '../refusal.js';
import { isIdempotent } from '../retry.js';
import { route } from '../route.js';
import type { CallSettings } from '../settings.js';
import type { Subset } from '../subset.js';
import type { Upstream } from '../upstream.js';
import type { Asked } from './exchange.js';
import { requestFault } from './request-fault.js';

export interface Plan {
  readonly upstream: Upstream;
  readonly settings: CallSettings;
  readonly target: string;
  /** What goes to an endpoint, when so much of the call's time is left. */
  readonly fields: (leftMs: number) => readonly string[];
  readonly requestId: string;
  readonly requestTimeoutMs: number | undefined;
  /** Its method says that it may be repeated, or the app does. */
  readonly idempotent: boolean;
  readonly retries: number;
  readonly absolute: boolean;
  readonly key: number | undefined;
  readonly subset: Subset | undefined;
}

/** `answer`: it is for nobody but us. */
export function makePlan(
  asked: Asked,
  entrance: Entrance,
  parts: CallParts,
): Plan | Refused | { readonly answer: RefusalAnswer } {
  const { method, target, remoteAddress } = asked;
  let { raw } = asked;
  const version = asked.version === '1.0' ? '1.0' : '1.1';
  const { own, domain, pseudonym, forwardedFor } = parts;
  const fixed = entrance.upstream === undefined ? {} : { fixedUpstream: entrance.upstream };
  const fault = requestFault(asked, parts.maxFields);
  if (fault !== undefined) return fault;
  const way = route({ method, target, hosts: valuesOf(raw, 'host'), version }, { ...fixed, own, domain });
  if ('code' in way) return way;
  const forwards = forwardsLeft(method, raw);
  if (typeof forwards === 'object') return forwards;
  if (forwards === 0) return { answer: lastStation(asked) };
  if (forwards !== undefined) raw = withForwards(raw, forwards - 1);
  const upstream = parts.lookup(way.name, way.absolute);
  if ('code' in upstream) return upstream;
  const { host, prefix } = way;
  const rules = { host, prefix, version, pseudonym, forwardedFor, upgrade: asked.upgrade, trailers: false } as const;
  const head = requestFields(raw, { ...rules, newRequestId: () => newRequestId(parts.random) });
  if ('code' in head) return head;
  const settings = parts.settings(upstream.name);
  return {
    ...{ upstream, settings, requestId: head.requestId, absolute: way.absolute, subset: head.subset },
    key: settings.hashOn && hashKeyOf(settings.hashOn, { target: way.target, raw, remoteAddress }),
    target: way.target,
    fields: (leftMs) => (head.timeoutMs === undefined ? head.fields : withTimeLeft(head.fields, leftMs)),
    idempotent: isIdempotent(method) || (settings.retryKeyed && head.keyed),
    requestTimeoutMs: least(settings.requestTimeoutMs, head.timeoutMs),
    retries: head.retries ?? settings.retries,
  };
}

/** 32 hex digits. To be told apart, not to be kept secret. */
const newRequestId = (random: Random): string =>
  Array.from({ length: 4 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
