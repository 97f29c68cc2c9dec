/**
 * Every fact as one sentence for a person, with the level it deserves, in one table. The log and the list of events take their words from
 * here, so both say the same.
 *
 * info   something went from one state to another
 * warn   somebody may want to act
 * trace  one step of many: attempts, probes, operations of the registry
 * A call is told at info, but only by the access log, which is off unless asked for.
 */
import { elapsed } from './elapsed.js';
import type { Fact } from './events.js';
import { printable } from './printable.js';

/** In the order of urgency; `silent` is above them all. */
export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type Level = (typeof levels)[number];

type Of<K extends Fact['kind']> = Extract<Fact, { kind: K }>;
type Table = { readonly [K in Fact['kind']]: readonly [Level, (fact: Of<K>) => string] };

const because = (why: string | undefined): string => (why === undefined || why === '' ? '' : `: ${why}`);
/** What follows `?` may carry tokens, and a log is read by many. */
const withoutQuery = (target: string): string => {
  const at = target.indexOf('?');
  return at < 0 ? target : `${target.slice(0, at)}?…`;
};
const many = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** Among whom there is panic. */
const crowd = ({ upstream, subset }: { readonly upstream: string; readonly subset?: string }): string =>
  subset === undefined ? upstream : `${upstream}, ${subset}`;
/** In the shadow nothing is done. */
const would = ({ shadow }: { readonly shadow?: true }, what: string): string => (shadow ? `would ${what}` : '');

/** What was left out, and where all of it is to be seen. */
const more: Readonly<Record<string, (about: string) => string>> = {
  znode_ignored: (service) => `nodes ignored: zidecar services ${service}`,
  endpoint_refused: (service) => `endpoints that get no call: zidecar services ${service}`,
  name_unresolved: () => 'names that do not resolve',
  announce_failed: () => 'times not announced: zidecar status',
  circuit_opened: (upstream) => `circuits opened: zidecar why ${upstream}`,
  circuit_half_opened: (upstream) => `circuits half-open: zidecar why ${upstream}`,
  circuit_closed: (upstream) => `circuits closed: zidecar why ${upstream}`,
  endpoint_ejected: (upstream) => `endpoints ejected: zidecar why ${upstream}`,
  ejection_withheld: (upstream) => `bad endpoints in use: zidecar why ${upstream}`,
  endpoint_readmitted: (upstream) => `endpoints readmitted: zidecar why ${upstream}`,
  endpoint_ill: (upstream) => `endpoints out by their checks: zidecar why ${upstream}`,
  endpoint_well: (upstream) => `endpoints in again by their checks: zidecar why ${upstream}`,
  doubtful_dropped: (upstream) => `doubtful endpoints that get no call: zidecar why ${upstream}`,
};

/** What was made of the node, where that is news. */
const asWhat = ({ how: made, drained, weight }: Of<'announced'>): string =>
  made !== 'rewritten' ? '' : drained ? ' and marked as drained' : ` with weight ${weight}`;
const how = { created: 'created', taken_over: 'taken over', rewritten: 'rewritten', found: 'found as it should be' } as const;

const table: Table = {
  // the data path
  circuit_opened: [
    'info',
    (fact) =>
      fact.shadow
        ? `${fact.upstream}: would have opened the circuit of ${fact.endpoint} for ${elapsed(fact.forMs)}${because(fact.why)}`
        : `${fact.upstream}: circuit of ${fact.endpoint} open for ${elapsed(fact.forMs)}${because(fact.why)}`,
  ],
  circuit_half_opened: [
    'info',
    (fact) => `${fact.upstream}: circuit of ${fact.endpoint} ${would(fact, 'be ')}half-open, one trial may go`,
  ],
  circuit_closed: ['info', (fact) => `${fact.upstream}: circuit of ${fact.endpoint} ${would(fact, 'be ')}closed`],
  endpoint_ejected: [
    'info',
    (fact) =>
      `${fact.upstream}: ${fact.endpoint} ${would(fact, 'be ')}ejected for ${elapsed(fact.forMs)}${because(fact.why)}` +
      (fact.times > 1 ? `, ${fact.times} times lately` : ''),
  ],
  ejection_withheld: [
    'info',
    (fact) => `${fact.upstream}: ${fact.endpoint} ${would(fact, 'be ')}in use all the same${because(fact.why)}`,
  ],
  endpoint_readmitted: [
    'info',
    (fact) => `${fact.upstream}: ${fact.endpoint} ${would(fact, 'be ')}readmitted${because(fact.why)}`,
  ],
  endpoint_ill: [
    'info',
    (fact) => `${fact.upstream}: ${fact.endpoint} ${would(fact, 'be ')}out by its checks${because(fact.why)}`,
  ],
  endpoint_well: ['info', (fact) => `${fact.upstream}: ${fact.endpoint} ${would(fact, 'be ')}in again by its checks`],
  panic_began: [
    'warn',
    (fact) => `${crowd(fact)}: panic, ${fact.well} of ${fact.total} are well: ejections and checks are pardoned until more are`,
  ],
  panic_ended: ['info', (fact) => `${crowd(fact)}: panic is over, ${fact.well} of ${fact.total} are well${because(fact.why)}`],
  limit_reached: [
    'warn',
    (fact) =>
      `${fact.upstream}: the limit of ${fact.most} ${fact.limit} is reached, calls ${fact.shadow ? 'would have been' : 'are'} refused (overflow)`,
  ],
  endpoints_changed: [
    'info',
    (fact) => `${fact.upstream}: ${fact.joined} joined, ${fact.left} left, ${many(fact.total, 'endpoint')} now`,
  ],
  weights_changed: [
    'info',
    (fact) =>
      `${fact.upstream}: ${fact.changed} of ${many(fact.total, 'endpoint')} ${fact.changed === 1 ? 'has' : 'have'} another weight` +
      (fact.none ? ', and none has one that is more than 0: no call is carried' : ''),
  ],
  endpoint_refused: ['warn', (fact) => `${fact.upstream}: ${fact.endpoint} gets no call${because(fact.why)}`],
  retry_budget_exhausted: ['warn', (fact) => `${fact.upstream}: the retry budget is spent, calls are not repeated for now`],
  attempt_ended: ['trace', (fact) => `${fact.upstream}: ${fact.endpoint} ${fact.result} in ${elapsed(fact.ms)}`],
  call_ended: [
    'info',
    (fact) =>
      `${fact.method} ${fact.upstream} ${withoutQuery(fact.target)} ${fact.status}${because(fact.code)} in ${elapsed(fact.ms)}` +
      (fact.endpoint === undefined ? '' : ` by ${fact.endpoint}`) +
      (fact.attempts > 1 ? `, ${fact.attempts} attempts` : ''),
  ],
  connections_refused: ['warn', (fact) => `${fact.upstream}: connections are refused (${fact.code})${because(fact.why)}`],
  connection_ended: [
    'info',
    (fact) =>
      `TCP ${fact.upstream} ${fact.code ?? 'ended'} after ${elapsed(fact.ms)}` +
      (fact.endpoint === undefined ? '' : ` by ${fact.endpoint}`) +
      (fact.attempts > 1 ? `, ${fact.attempts} attempts` : ''),
  ],
  // the app
  probe_ended: ['trace', (fact) => `${fact.service}: probe ${fact.probe} ${fact.result}${because(fact.why)}`],
  verdict_changed: ['info', (fact) => `${fact.service}: the app is ${fact.up ? 'up' : 'down'}${because(fact.why)}`],
  probe_blind: ['warn', (fact) => `${fact.service}: nobody can tell how the app is${because(fact.why)}`],
  probe_hint: ['warn', (fact) => `${fact.service}: ${fact.hint}`],
  // the registry
  session_changed: [
    'info',
    (fact) =>
      `${fact.registry === undefined ? '' : `${fact.registry}: `}session ${fact.session === '' ? '' : `${fact.session} `}${fact.state}` +
      (fact.server === undefined ? '' : ` at ${fact.server}`) +
      because(fact.why),
  ],
  session_trouble: ['warn', (fact) => fact.why],
  registry_operation: ['trace', (fact) => `registry: ${fact.op} ${fact.result} in ${elapsed(fact.ms)}`],
  announced: ['info', (fact) => `${fact.service}: announced at ${fact.path}, ${how[fact.how]}${asWhat(fact)}`],
  announce_failed: [
    'warn',
    ({ service, path, why, isWithdrawal, againInMs }) =>
      `${service}: not ${isWithdrawal ? 'withdrawn' : 'announced'} at ${path}, again in ${elapsed(againInMs)}${because(why)}`,
  ],
  announcement_lost: ['warn', (fact) => `${fact.service}: our node ${fact.path} is lost${because(fact.why)}`],
  announcement_contested: ['warn', (fact) => `${fact.service}: ${fact.why}`],
  withdrawn: ['info', (fact) => `${fact.service}: withdrawn from ${fact.path}${because(fact.why)}`],
  withdrawal_spread: [
    'info',
    ({ servers, behind, ms }) =>
      behind === ''
        ? `${servers === 1 ? 'the one server that could be asked knows' : `all ${servers} servers that could be asked know`} of it, after ${elapsed(ms)}`
        : `${behind} did not know of it after ${elapsed(ms)}: who reads there may call us for a little longer`,
  ],
  znode_ignored: ['warn', (fact) => `node ${fact.path} ignored (${fact.reason})${because(fact.detail)}`],
  list_changed: ['info', (fact) => `${fact.path}: ${fact.joined} joined, ${fact.left} left, ${many(fact.total, 'instance')} now`],
  bound_reached: ['warn', (fact) => `the bound of ${fact.limit} ${fact.bound} is reached${because(fact.detail)}`],
  name_unresolved: ['warn', (fact) => `the name ${fact.host} does not resolve${because(fact.why)}`],
  // whom to trust while the registry cannot be asked
  mass_drop: [
    'warn',
    (fact) =>
      `${fact.upstream}: ${many(fact.vanished, 'endpoint')} vanished at one time and ${fact.left} are left: kept as doubtful, for 60 s at ` +
      `most; zidecar doubtful ${fact.upstream} --drop lets them go`,
  ],
  mass_drop_confirmed: [
    'info',
    (fact) =>
      `${fact.upstream}: ${many(fact.endpoints, 'kept endpoint')} let go: a sync and a read have shown that they are gone`,
  ],
  doubtful_dropped: ['warn', (fact) => `${fact.upstream}: doubtful ${fact.endpoint} gets no call${because(fact.why)}`],
  doubts_overruled: [
    'warn',
    (fact) =>
      `${fact.upstream}: an operator ${fact.what === 'trust' ? 'vouches for' : 'has dropped'} ${many(fact.endpoints, 'doubtful endpoint')}`,
  ],
  identity_asked: ['trace', (fact) => `the identity of an endpoint: ${fact.result}`],
  snapshot_read: ['info', (fact) => `${many(fact.upstreams, 'list')} read from ${fact.path}, at most ${elapsed(fact.ageMs)} old`],
  snapshot_ignored: [
    'warn',
    ({ taken, path, why }) => `${taken === 0 ? 'no list is' : 'not every list is'} taken from ${path}${because(why)}`,
  ],
  // the process
  phase_changed: ['info', (fact) => `${fact.phase}${because(fact.why)}`],
  listening: ['info', (fact) => `${fact.upstream ?? fact.what} listens on ${fact.at}`],
  child_started: ['info', (fact) => `started ${fact.command} as process ${fact.pid}`],
  child_ended: ['info', (fact) => `the app has ended with ${fact.signal ?? `code ${fact.code}`}`],
  config_reloaded: [
    'info',
    ({ why, changed, needsRestart }) =>
      `settings read again (${why}): ${changed === '' ? 'nothing to change' : changed}` +
      (needsRestart === '' ? '' : `. Needs a restart: ${needsRestart}`),
  ],
  config_refused: ['error', ({ why, problems }) => `settings read again (${why}) and refused, nothing is changed: ${problems}`],
  warned: ['warn', (fact) => fact.why],
  left_out: [
    'warn',
    ({ of, about, count }) =>
      `${about === '' ? '' : `${about}: `}and ${count.toLocaleString('en')} more ${more[of]?.(about) ?? `times (${of})`}`,
  ],
};

export interface Told {
  readonly level: Level;
  /** One line, fit for a terminal. */
  readonly message: string;
  /** The fact itself, each text of it fit to show. */
  readonly fact: Fact;
}

/** Cheap: only a look into the table. */
export const levelOf = (kind: Fact['kind']): Level => table[kind][0];

/** True: it belongs among the last events. Neither single steps nor calls do. */
export const isTransition = (kind: Fact['kind']): boolean => levelOf(kind) !== 'trace' && !isOfOneCall(kind);

/** Told for each call, and only where somebody asked for it (ZIDECAR_ACCESS_LOG). */
export const isOfOneCall = (kind: Fact['kind']): boolean => kind === 'call_ended' || kind === 'connection_ended';

/** Puts a fact into words. Texts are cleaned and cut before they are joined, so nothing of others can pose as our words. */
export function tell(fact: Fact): Told {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fact) as [string, unknown][]) {
    const text = name === 'target' ? withoutQuery(String(value)) : value;
    clean[name] = typeof text === 'string' ? printable(text) : text;
  }
  const [level, say] = table[fact.kind] as readonly [Level, (fact: Fact) => string];
  return { level, message: say(clean as unknown as Fact), fact: clean as unknown as Fact };
}
