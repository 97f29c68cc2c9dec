/**
 * Why an endpoint gets the calls that it gets, for a person: views and sentences, made when somebody asks, from what the data path
 * has written down anyway. Decides nothing.
 */
import type { Balancer } from './balancer.js';
import type { CircuitState } from './breaker.js';
import type { Member } from './member.js';

export interface EndpointView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly circuit: CircuitState;
  readonly inFlight: number;
  readonly ejectedUntil: null;
  /** Percent of the calls that it would get now. */
  readonly share: number;
  /** The sentence that decides. */
  readonly reason: string;
}

export const explain = (members: readonly Member[], balancer: Balancer, failureLimit: number, now: number): EndpointView[] => {
  const part = (member: Member): number => (balancer.evenly && member.weight > 0 ? 1 : member.weight);
  const inUse = members.filter(({ eligible, against }) => eligible && !against.open);
  const total = inUse.reduce((sum, member) => sum + part(member), 0);
  return members.map((member) => {
    const { endpoint, breaker, active } = member;
    const { id, host, port, weight } = endpoint;
    const circuit = breaker.state(now);
    const share = inUse.includes(member) && total > 0 ? (part(member) * 100) / total : 0;
    const known = sentence(member, circuit, { failureLimit, now, total: balancer.evenly ? undefined : total });
    const reason = endpoint.doubt === undefined ? known : `doubtful, ${endpoint.doubt.why}; ${known}`;
    return { id, host, port, weight, circuit, inFlight: active, ejectedUntil: null, share: Math.round(share * 10) / 10, reason };
  });
};

interface Context {
  readonly failureLimit: number;
  readonly now: number;
  /** The weight of all that are in use; undefined where weights do not matter. */
  readonly total: number | undefined;
}

const sentence = (
  { breaker, weight, eligible, against }: Member,
  circuit: CircuitState,
  { failureLimit, now, total }: Context,
): string => {
  if (circuit !== 'closed') {
    const since = `circuit ${circuit.replace('_', '-')} since ${span(now - (breaker.openedAt ?? now))}: ${breaker.why()}`;
    if (circuit === 'open') return `${since}; next trial in ${span(breaker.reopenAt - now)}`;
    return breaker.onTrial ? `${since}; a trial call is under way` : `${since}; the next call is its trial`;
  }
  if (weight === 0) return 'weight 0: gets no calls';
  if (against.suspect && !eligible)
    return `set aside while others can serve: ${breaker.why(' in a row')}; a connect in the background clears it, or its circuit opens at ${failureLimit}`;
  const takes = total === undefined ? 'takes its turn' : `takes calls: weight ${weight} of ${Math.round(total * 1000) / 1000}`;
  if (breaker.failuresInRow === 0) return takes;
  return `${takes}; ${breaker.why(' in a row')}, its circuit opens at ${failureLimit}`;
};

export interface RefusalFacts {
  readonly name: string;
  readonly source: string | undefined;
  /** The request came through `http_proxy`, so that the host may be no peer at all. */
  readonly absolute: boolean;
  readonly total: number;
  readonly out: number;
  readonly maxInFlight: number;
  readonly nextTrialInMs: number;
}

/** Why there was nobody to ask, and what to do about it. */
export const sentenceOf = {
  no_endpoints: ({ name, total, absolute, ...rest }: RefusalFacts): string =>
    total === 0
      ? `no endpoints for "${name}"${place(rest)}: is it registered? zidecar services ${name}${absolute ? noProxy : ''}`
      : `every endpoint of "${name}"${place(rest)} has weight 0 (${total} of ${total}): give one a weight to let calls through`,
  all_open: ({ name, out, total, nextTrialInMs }: RefusalFacts): string =>
    `every circuit of "${name}" is open (${out} of ${total}), next trial in ${span(nextTrialInMs)}: zidecar why ${name}`,
  overflow: ({ name, maxInFlight }: RefusalFacts): string =>
    `${maxInFlight} calls to "${name}" are in flight, which is the limit: is it slow? zidecar why ${name}`,
  discovering: ({ name, absolute, ...rest }: RefusalFacts): string =>
    `the list of "${name}"${place(rest)} has not come yet: try again, or see zidecar status${absolute ? noProxy : ''}`,
} as const;

const noProxy = ' (a host that is no peer belongs in no_proxy)';
const place = ({ source }: Pick<RefusalFacts, 'source'>): string => (source === undefined ? '' : ` in ${source}`);

/** `0.4 s`, `12 s`, `3 min`, `5 h`: as much as a person wants to know. */
export const span = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
};
