/**
 * Why an endpoint gets the calls that it gets, for a person: views and sentences, made when somebody asks, from what the data path
 * has written down anyway. Decides nothing.
 */
import { sharesOf, type Ask, type Balancer, type Seat } from './balancer.js';
import type { CircuitState } from './breaker.js';
import type { LimitName } from './limits.js';
import type { Ejection, Member } from './member.js';
import type { Enforced } from './enforced.js';
import type { Evidence } from './evidence.js';
import { rowOf } from './outlier.js';
import { labelsOf } from './subset.js';

export interface EndpointView {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly circuit: CircuitState;
  readonly inFlight: number;
  /** Milliseconds since 1970; null in the shadow too. */
  readonly ejectedUntil: number | null;
  /** While it is out, by circuit, ejection or checks: since when, and when time alone lets it be tried again; milliseconds since 1970. */
  readonly outSince: number | null;
  readonly outUntil: number | null;
  /** Percent of the calls that it would get now. */
  readonly share: number;
  /** The sentence that decides. */
  readonly reason: string;
  /** What subsets and splits go by: its metadata, and its zone. */
  readonly labels: Readonly<Record<string, string>>;
}

export type EndpointState = CircuitState | 'ejected' | 'ill';

/** What is in the shadow decides nothing. */
export const stateOf = ({ breaker, against }: Member, now: number, enforced: Enforced): EndpointState => {
  const circuit = enforced.circuit ? breaker.state(now) : 'closed';
  if (circuit !== 'closed') return circuit;
  if (against.ejected && enforced.outlier) return 'ejected';
  return against.ill && enforced.checks ? 'ill' : 'closed';
};

export const statesOf = (members: Iterable<Member>, now: number, enforced: Enforced): Record<EndpointState, number> => {
  const counts = { closed: 0, open: 0, half_open: 0, ejected: 0, ill: 0 };
  for (const member of members) counts[stateOf(member, now, enforced)]++;
  return counts;
};

export interface Explained {
  readonly balancer: Balancer;
  readonly evidence: Pick<Evidence, 'enforced' | 'breaker' | 'outlier' | 'circuits' | 'earlyFrom' | 'checks'>;
  /** The call that is asked about, or one like most; with a key, all its like go to one endpoint. */
  readonly ask: Ask;
  /** Whose key that is, for sentences. */
  readonly whose: 'this call' | 'this pod';
  readonly now: number;
  /** Milliseconds since 1970, at `now`. */
  readonly wall: number;
  /** How long until it counts whole; undefined for one that does. */
  readonly startLeftMs: (member: Member) => number | undefined;
}

/** `onlyFitting`: those only that the call may go to. */
export const explain = (all: readonly Member[], asked: Explained, onlyFitting: boolean): EndpointView[] => {
  const { balancer, evidence, ask, now, wall } = asked;
  const { enforced } = evidence;
  const fits = (member: Member): boolean => balancer.fits?.(ask, member) ?? true;
  const members = onlyFitting ? all.filter(fits) : all;
  // a pick by a key takes nobody a turn
  const home = ask.key === undefined ? undefined : balancer.pick(ask, now);
  const shares = sharesOf(balancer, members, ask);
  const hasShare = (member: Member): boolean => (shares.get(member) ?? 0) > 0;
  const pardons = balancer.crowd?.(ask)?.panic ?? false;
  const mayServe = (member: Member): boolean => member.eligible || (pardons && member.pardonable && fits(member));
  const explained: Known = { ...asked, enforced, fits, home, hasShare, mayServe };
  // one whose circuit is half-open may get a call, but has no share
  const inUse = new Set(members.filter((one) => mayServe(one) && fits(one) && !(one.against.open && enforced.circuit)));
  const shareOf = (member: Member): number => {
    if (home !== undefined) return member === home ? 1 : 0;
    return inUse.has(member) ? (shares.get(member) ?? 0) : 0;
  };
  const total = members.reduce((sum, member) => sum + shareOf(member), 0);
  const weights = balancer.evenly ? undefined : [...inUse].reduce((sum, { weight }) => sum + weight, 0);
  return members.map((member) => {
    const { endpoint, breaker, active, ejection } = member;
    const { id, host, port, weight } = endpoint;
    const circuit = breaker.state(now);
    const share = rounded(total > 0 ? (shareOf(member) * 100) / total : 0, 1);
    const ejectedUntil = ejection === undefined || !enforced.outlier ? null : wall + ejection.until - now;
    const [since, until] = (isHeld(member, circuit, explained) && outOf(member, circuit, now)) || [undefined, undefined];
    const known = sentence(member, circuit, explained, weights);
    const why = endpoint.doubt?.why;
    const reason = why === undefined ? known : `doubtful, ${why}; ${known}`;
    return {
      ...{ id, host, port, weight, circuit, inFlight: active, ejectedUntil, share, reason },
      outSince: since === undefined ? null : wall + since - now,
      outUntil: until === undefined ? null : wall + until - now,
      labels: Object.fromEntries(labelsOf(endpoint)),
    };
  });
};

interface Known extends Explained {
  readonly enforced: Enforced;
  readonly fits: (member: Member) => boolean;
  /** It may be asked: by all, or by calls that have nobody else, as too few of those are well. */
  readonly mayServe: (member: Member) => boolean;
  /** Its zone, or its part of a split, gets calls now. */
  readonly hasShare: (member: Member) => boolean;
  /** Who has the key that is asked about. */
  readonly home: Seat | undefined;
}

/** `weights`: of all that are in use; undefined where weights do not matter. */
const sentence = (member: Member, circuit: CircuitState, explained: Known, weights: number | undefined): string => {
  const { breaker, weight, against, endpoint } = member;
  const { balancer, enforced, evidence, ask, home, whose, now } = explained;
  const failureLimit = evidence.breaker.failures;
  const blame = blameOf(member, circuit, evidence, now);
  if (blame !== undefined && isHeld(member, circuit, explained)) return blame;
  if (weight === 0) return 'weight 0: gets no calls';
  if (against.suspect && !explained.mayServe(member))
    return `set aside while others can serve: ${breaker.why(' in a row')}; a connect in the background clears it, or its circuit opens at ${failureLimit}`;
  const note = balancer.note?.(member, ask);
  if (!explained.fits(member)) return `gets no calls: ${note ?? 'others are asked for'}`;
  const weighs = `weight ${rounded(weight, 3)} of ${rounded(weights ?? 0, 3)}`;
  const said = [weights === undefined ? 'takes its turn' : `takes calls: ${weighs}`];
  if (!explained.hasShare(member) && home === undefined)
    said[0] = `could take calls, and gets none now${weights === undefined ? '' : `: ${weighs}`}`;
  if (home !== undefined) said.unshift(`the key of ${whose} is ${member === home ? 'here' : "another's"}`);
  const recent = badOf(member, explained);
  if (recent !== undefined) said.push(recent);
  if (blame !== undefined)
    said.push(`${isActedOn(member, circuit, enforced) ? 'pardoned, as too few are well' : 'in the shadow'}: ${blame}`);
  const leftMs = explained.startLeftMs(member);
  if (leftMs !== undefined && weights !== undefined)
    said.push(`slow start: ${rounded((weight * 100) / endpoint.weight, 0)} % of its weight, all of it in ${span(leftMs)}`);
  if (note !== undefined) said.push(note);
  if (breaker.failuresInRow > 0 && circuit === 'closed')
    said.push(`${breaker.why(' in a row')}, its circuit opens at ${failureLimit}`);
  return said.join('; ');
};

/** Of its answers, what has not put it out. */
const badOf = (member: Member, { evidence, enforced, now }: Known): string | undefined => {
  const { withheld, against } = member;
  if (withheld !== undefined && now < withheld.until && enforced.outlier)
    return `bad ${span(now - withheld.at)} ago, and in use all the same: ${withheld.why}`;
  const row = evidence.outlier.on && !against.ejected ? rowOf(member) : undefined;
  return (
    row && `${row.why}, it ${enforced.outlier ? 'may' : 'would'} be ejected from ${evidence.outlier.failures} on${row.whether}`
  );
};

/** What speaks against it most is not in the shadow. */
const isActedOn = ({ against }: Member, circuit: CircuitState, enforced: Enforced): boolean =>
  circuit !== 'closed' ? enforced.circuit : against.ejected ? enforced.outlier : enforced.checks;

/** It is neither in the shadow nor pardoned. */
const isHeld = (member: Member, circuit: CircuitState, { enforced, mayServe }: Known): boolean =>
  isActedOn(member, circuit, enforced) && (!mayServe(member) || circuit !== 'closed');

/** Since when what speaks against it does, and until when by time alone, where that is to come; undefined: nothing does. */
const outOf = ({ breaker, ejection, against, check }: Member, circuit: CircuitState, now: number): Times | undefined => {
  if (circuit !== 'closed') return [breaker.openedAt, breaker.reopenAt > now ? breaker.reopenAt : undefined];
  if (ejection !== undefined) return [ejection.since, ejection.until];
  return against.ill ? [check?.illSince, undefined] : undefined;
};
type Times = readonly [since: number | undefined, until: number | undefined];

/** What speaks against it most, whether it is acted on or not, and what ends it. */
const blameOf = (member: Member, circuit: CircuitState, evidence: Explained['evidence'], now: number): string | undefined => {
  const { breaker, ejection, against, timesEjected } = member;
  if (circuit !== 'closed') {
    const ago = span(now - (breaker.openedAt ?? now));
    const since = circuit === 'open' ? `open since ${ago}` : `half-open, ${ago} after it opened`;
    return `circuit ${since}: ${breaker.why()}; ${trialOf(member, circuit, evidence, now)}`;
  }
  if (ejection !== undefined) {
    const until = `ejected for another ${span(ejection.until - now)}: ${ejection.why} (${ordinal(timesEjected)} time)`;
    return `${until}; ${endOf(member, ejection, evidence, now)}`;
  }
  if (!against.ill) return undefined;
  const passes = evidence.checks === undefined ? '' : `; ${evidence.checks.options.rise} passes in a row let it in again`;
  return `found ill by its checks: ${member.check?.why ?? 'they fail'}${passes}`;
};

/** Who tries next whether its circuit may close, and when. */
const trialOf = (member: Member, circuit: CircuitState, evidence: Explained['evidence'], now: number): string => {
  const { breaker } = member;
  if (breaker.onTrial) return 'a trial call is under way';
  if (circuit === 'half_open') {
    const sparedMs = evidence.circuits.sparedMs(member, now);
    return sparedMs > 0
      ? `the next call that can be sent again is its trial, any other in ${span(sparedMs)}`
      : 'the next call is its trial';
  }
  const due = `next trial in ${span(breaker.reopenAt - now)}`;
  if (breaker.unreachable) return `${due}, or as soon as a connect in the background comes through`;
  const from = evidence.earlyFrom(member);
  const sooner = from === undefined ? evidence.checks?.sooner(member) : `by ${early(from, false, now)}`;
  return sooner === undefined ? due : `${due}, or ${sooner}`;
};

/** What ends its ejection before its time. */
const endOf = (member: Member, ejection: Ejection, evidence: Explained['evidence'], now: number): string => {
  const { passes, silent, trial } = ejection;
  const enough = evidence.outlier.failures;
  const soFar = passes > 0 ? `${passes} of ${enough} good in a row since; ` : '';
  if (trial !== undefined) return `${soFar}a trial call is under way`;
  const from = evidence.earlyFrom(member);
  const sooner = evidence.checks?.sooner(member);
  if (from === undefined) return sooner === undefined ? 'its time ends it' : `it ends sooner, ${sooner}`;
  if (passes > 0) return `${soFar}the next call that ${silent ? 'is hedged' : 'can be sent again'} tries it`;
  return `${enough} good answers in a row end it sooner: it is tried by ${early(from, silent, now)}`;
};

const early = (from: number, hedged: boolean, now: number): string => {
  const call = hedged ? 'a hedged call' : 'a call that can be sent again';
  const wait = span(Math.max(0, from - now));
  return `${call} (one of a hundred), ${wait === span(0) ? 'from now on' : `in ${wait}`}`;
};

/** `1st`, `2nd`, `11th`. */
const ordinal = (count: number): string => {
  const last = count % 100 > 10 && count % 100 < 14 ? 0 : count % 10;
  return `${count}${['th', 'st', 'nd', 'rd'][last] ?? 'th'}`;
};

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

export interface RefusalFacts {
  readonly name: string;
  readonly source: string | undefined;
  /** Why the list is empty, and what to do; undefined: nobody knows. */
  readonly why: string | undefined;
  /** The request came through `http_proxy`, so that the host may be no peer at all. */
  readonly absolute: boolean;
  /** Of all; where everybody is out, of those in the subset. */
  readonly total: number;
  readonly out: number;
  /** Those of them whose circuit is open. */
  readonly open: number;
  /** Beside them, those that do not count, as the registry names them no more. */
  readonly kept: number;
  /** The one that was reached last. */
  readonly limit: LimitName;
  readonly most: number;
  /** Undefined where nobody knows. */
  readonly nextTrialInMs: number | undefined;
  /** What was asked for, or is the standard: `version=canary`; empty: any would have done. */
  readonly subset: string;
}

/** Why there was nobody to ask, and what to do about it. */
export const sentenceOf = {
  no_endpoints: ({ name, total, why, absolute, subset, ...rest }: RefusalFacts): string =>
    total === 0
      ? `no endpoints for "${name}"${place(rest)}: ${why === undefined ? 'is it registered?' : `${why};`} zidecar why ${name}${absolute ? noProxy : ''}`
      : `every endpoint ${crowd(subset)}of "${name}"${place(rest)} has weight 0${subset === '' ? ` (${total} of ${total})` : ''}: give one a weight to let calls through`,
  no_subset: ({ name, subset, total, ...rest }: RefusalFacts): string =>
    `no endpoint of "${name}"${place(rest)} is in the subset ${subset} (0 of ${total}): zidecar why ${name}`,
  all_open: ({ name, subset, out, open, total, kept, nextTrialInMs }: RefusalFacts): string =>
    total === 0 // of those that count
      ? `nobody ${crowd(subset)}of "${name}" may be asked (those in it are out, and kept though they have left the list): zidecar why ${name}`
      : open === out
        ? `every circuit ${crowd(subset)}of "${name}" is open (${out} of ${total}${beside(kept)})${nextTrialInMs === undefined ? '' : `, next trial in ${span(nextTrialInMs)}`}: zidecar why ${name}`
        : `nobody ${crowd(subset)}of "${name}" may be asked (${out} of ${total} are out: ${open} by circuit, ${out - open} ejected or ill${beside(kept)}): zidecar why ${name}`,
  overflow: ({ name, limit, most }: RefusalFacts): string =>
    `${most} ${taken[limit](name)}, which is the limit (ZIDECAR_MAX_${limit.toUpperCase()}): is it slow? zidecar why ${name}`,
  discovering: ({ name, absolute, ...rest }: RefusalFacts): string =>
    `the list of "${name}"${place(rest)} has not come yet: try again, or see zidecar status${absolute ? noProxy : ''}`,
} as const;

const taken: Readonly<Record<LimitName, (name: string) => string>> = {
  requests: (name) => `calls to "${name}" are in flight`,
  pending: (name) => `calls to "${name}" wait for a connection`,
  connections: (name) => `connections to "${name}" are in use`,
};

const noProxy = ' (a host that is no peer belongs in no_proxy)';
const crowd = (subset: string): string => (subset === '' ? '' : `in the subset ${subset} `);
const beside = (kept: number): string =>
  kept === 0
    ? ''
    : `, beside ${kept === 1 ? '1 that is out, and kept though it has' : `${kept} that are out, and kept though they have`} left the list`;
const place = ({ source }: Pick<RefusalFacts, 'source'>): string => (source === undefined ? '' : ` in ${source}`);

/** `0.4 s`, `12 s`, `3 min`, `5 h`: as much as a person wants to know. */
export const span = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
};
