/** What is to be done for a request, before anything is sent: for which upstream it is, and what goes to an endpoint. */
import { hashKeyOf } from '../hash-key.js';
import { least, withTimeLeft } from '../deadline.js';
import { requestFields, valuesOf } from '../headers.js';
import type { CallParts, Entrance } from '../lane.js';
import { forwardsLeft, lastStation, withForwards } from '../max-forwards.js';
import type { RefusalAnswer, Refused } from '../refusal.js';
import { newRequestId } from '../request-id.js';
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
  const fault = requestFault(asked, parts.maxFields);
  if (fault !== undefined) return fault;
  const way = route({ method, target, hosts: valuesOf(raw, 'host'), version }, { fixedUpstream: entrance.upstream, own, domain });
  if ('code' in way) return way;
  const forwards = forwardsLeft(method, raw);
  if (typeof forwards === 'object') return forwards;
  if (forwards === 0) return { answer: lastStation(asked) };
  if (forwards !== undefined) raw = withForwards(raw, forwards - 1);
  const upstream = parts.lookup(way.name, way.absolute);
  if ('code' in upstream) return upstream;
  const { host, prefix } = way;
  const { upgrade } = asked;
  const newId = (): string => newRequestId(parts.random);
  const rules = { host, prefix, version, pseudonym, forwardedFor, upgrade, trailers: false, newRequestId: newId } as const;
  const head = requestFields(raw, rules);
  if ('code' in head) return head;
  const settings = parts.settings(upstream.name);
  return {
    // one after the other: objects that are spread into others show in the profile
    upstream,
    settings,
    requestId: head.requestId,
    absolute: way.absolute,
    subset: head.subset,
    key: settings.hashOn && hashKeyOf(settings.hashOn, { target: way.target, raw, remoteAddress }),
    target: way.target,
    fields: (leftMs) => (head.timeoutMs === undefined ? head.fields : withTimeLeft(head.fields, leftMs)),
    idempotent: isIdempotent(method) || (settings.retryKeyed && head.keyed),
    requestTimeoutMs: least(settings.requestTimeoutMs, head.timeoutMs),
    retries: head.retries ?? settings.retries,
  };
}
