/**
 * The admin's views as text for a person: trouble first. Pure: a view and the time in, lines out. Texts in a view come
 * from others (ids of nodes, errors of peers), so each is made printable before it is put into a line.
 */
import { elapsed } from '../elapsed.js';
import { printable } from '../printable.js';
import { fold, type Paint } from '../text.js';
import { address } from '../../lb/endpoint.js';
import type { AnnouncementView, SessionView, SettingsView, StatusView, UnsureView, VerdictView, WhyView } from './views.js';

const MOST_ANNOUNCEMENTS = 3;
const MOST_UPSTREAMS = 6;

/** One line of `status`: what it is about, what is to be said, and whether somebody should look. */
interface Line {
  readonly about: string;
  readonly says: string;
  readonly trouble: boolean;
}

/** First the verdict, then a sentence for each endpoint. */
export function renderWhy({ name, verdict, endpoints }: WhyView, now: number, paint: Paint, width?: number): string {
  const rows = endpoints.map((endpoint) => ({
    at: address({ host: printable(endpoint.host, 255), port: endpoint.port }),
    share: `share ${percent(endpoint.share)}`,
    reason: `${printable(endpoint.reason)}${outOf(endpoint, now)}`,
    trouble: endpoint.circuit !== 'closed' || endpoint.ejectedUntil !== null || typeof endpoint.outSince === 'string',
  }));
  const widest = rows.reduce((most, { at }) => Math.max(most, at.length), 0);
  const lines = troubleFirst(rows).map(({ at, share, reason, trouble }) =>
    (trouble ? paint.red : String)(fold(`${at.padEnd(widest)}  ${share}  `, reason, width)),
  );
  const first = `${printable(name, 253)}: ${sentence(verdict, now)}, ${retries(verdict)}`;
  const shown = fold('', first, width);
  const notes = verdict.notes.map((note) => paint.yellow(fold('', printable(note), width)));
  return [paint.bold(isTrouble(verdict) ? paint.red(shown) : shown), ...notes, ...lines].join('\n');
}

/** ` (out since 12:03:58, until 12:04:28)`: by the clock here, as events have it. */
function outOf({ outSince, outUntil }: WhyView['endpoints'][number], now: number): string {
  if (typeof outSince !== 'string') return ''; // an older sidecar does not tell
  return ` (out since ${timeOfDay(outSince, now)}${typeof outUntil !== 'string' ? '' : `, until ${timeOfDay(outUntil, now)}`})`;
}

/** `4 % of the calls of the last 10 s sent again (20 %, and 30 more, may be)` */
const retries = ({ retryPercent, retryBudgetPercent }: VerdictView): string =>
  `${percent(retryPercent)} of the calls of the last 10 s sent again (${percent(retryBudgetPercent)}, and 30 more, may be)`;

/** `ill since 12:04:10, 1 of 3 out, 0 calls lost`. */
function sentence({ state, since, out, total, lost, panic, lacks, list }: VerdictView, now: number): string {
  const outside = panic
    ? `in panic: ${out} of ${total} ill, and called all the same unless their circuit is open`
    : `${out} of ${total} out`;
  const endpoints = {
    well: outside,
    ill: outside,
    empty:
      total === 0
        ? 'no endpoints'
        : `no endpoint has ${lacks === undefined ? 'a weight' : printable(lacks, 100)} (0 of ${total})`,
    waiting: 'no list yet',
  }[state];
  const calls = `${lost.toLocaleString('en')} ${lost === 1 ? 'call' : 'calls'} lost`;
  return `${state} since ${timeOfDay(since, now)}, ${endpoints}, ${calls}${unsure(list, now)}`;
}

/** `: cannot list /services/orders: …`; the rest is told by `zidecar why`. */
function firstOf({ notes: [first, ...more] }: VerdictView & { readonly name: string }): string {
  return first === undefined ? '' : `: ${first}${more.length === 0 ? '' : ` (and ${more.length} more)`}`;
}

/** `, 3 doubtful, list of the snapshot 4 min old`; nothing where the registry confirms it all. */
function unsure(list: UnsureView | undefined, now: number): string {
  if (list === undefined) return '';
  const of = { registry: 'of the registry', snapshot: 'of the snapshot', seed: 'of seeds', none: '' }[list.from];
  const age = list.asOf === null ? '' : ` ${elapsed(now - Date.parse(list.asOf))} old`;
  return `, ${list.doubtful} doubtful, list ${of}${age}`;
}

const isTrouble = ({ state, list }: VerdictView): boolean => state !== 'well' || (list?.doubtful ?? 0) > 0;

/** Fewer than twenty sentences, whatever there is. `width`: of the terminal, in which they go on below themselves. */
export function renderStatus(view: StatusView, now: number, paint: Paint, width?: number): string {
  const head = `zidecar ${view.version}  ${view.phase}, started ${timeOfDay(view.startedAt, now)} (${elapsed(now - Date.parse(view.startedAt))} ago)`;
  const announcements = view.announcements.map((one): Line => {
    const [says, trouble] = announcementSays(one);
    return { about: 'announced', says: `${one.service}  ${says}`, trouble };
  });
  const upstreams = view.upstreams.map((one): Line => {
    return { about: 'upstream', says: `${one.name}  ${sentence(one, now)}${firstOf(one)}`, trouble: isTrouble(one) };
  });
  const lines = [
    ...troubleFirst([
      sessionLine(view.session),
      ...(view.session.others ?? []).map(sessionLine),
      ...atMost(MOST_ANNOUNCEMENTS, announcements, 'announced'),
      ...atMost(MOST_UPSTREAMS, upstreams, 'upstream'),
    ]),
    ...settingsLines(view.settings),
    { about: 'listens', says: listensOn(view.listeners), trouble: false },
    ...view.events.map((event): Line => ({
      about: timeOfDay(event.at, now),
      says: event.message,
      trouble: event.level === 'warn',
    })),
  ];
  const shown = lines.map(({ about, says, trouble }) =>
    (trouble ? paint.red : String)(fold(`${about.padEnd(10)}  `, printable(says), width)),
  );
  return [paint.bold(fold('', printable(head), width)), ...shown].join('\n');
}

/** `admin 127.0.0.1:6190 and [::1]:6190, health [::]:6191` */
function listensOn(listeners: StatusView['listeners']): string {
  const places = new Map<string, string[]>();
  for (const { what, at } of listeners) places.set(what, [...(places.get(what) ?? []), at]);
  return [...places].map(([what, at]) => `${what} ${at.join(' and ')}`).join(', ');
}

function sessionLine({ state, id, server, timeoutMs, trouble, registry }: SessionView & { readonly registry?: string }): Line {
  const at = `${server === null ? '' : ` at ${server}`}${id === '' ? '' : `, session ${id}`}`;
  return {
    about: 'registry',
    says: `${registry === undefined ? '' : `${registry} `}${state}${at}, timeout ${elapsed(timeoutMs)}${trouble === null ? '' : `: ${trouble}`}`,
    trouble: state !== 'connected',
  };
}

/** Nothing, as long as what was read holds. */
function settingsLines({ problems, needsRestart }: SettingsView): Line[] {
  const [first, ...more] = problems;
  const rest = more.length === 0 ? '' : ` and ${more.length} more`;
  const refused = first === undefined ? [] : [`refused, the ones before hold: ${first}${rest}`];
  const waiting = needsRestart.length === 0 ? [] : [`a restart is needed for ${needsRestart.join('; ')}`];
  return [...refused, ...waiting].map((says) => ({ about: 'settings', says, trouble: true }));
}

function announcementSays({
  wish,
  fact,
  path,
  weight,
  contested,
  failing,
  drained,
  probe,
}: AnnouncementView): readonly [string, boolean] {
  const last = probe.last !== undefined && 'why' in probe.last ? `: ${probe.last.why}` : '';
  if (wish === 'announced' && contested !== null) return [`not by us: ${contested}`, true];
  if (wish === 'announced' && drained) return [`drained: peers are told not to call it, ${path ?? ''}`, true];
  if (wish === 'announced')
    return fact === 'announced'
      ? [`weight ${weight}, ${path ?? ''}`, false]
      : [
          `${failing === null ? 'not confirmed' : 'not yet'}${path === null ? '' : `, ${path}`}${failing === null ? '' : `: ${failing}`}`,
          true,
        ];
  const gone = fact === 'withdrawn' ? 'withdrawn' : `being withdrawn${failing === null ? '' : ` (${failing})`}`;
  if (drained) return [`${gone}: drained`, true];
  return [`${gone}: the app is ${probe.up ? 'up' : 'down'}${last}`, true];
}

/** The troubled ones before the others; what is too much becomes one line that counts it. */
function atMost(most: number, lines: readonly Line[], about: string): Line[] {
  if (lines.length <= most) return [...lines];
  const rest = troubleFirst(lines).slice(most);
  const troubled = rest.filter(({ trouble }) => trouble).length;
  const says = `and ${rest.length} more${troubled === 0 ? ', all well' : `, ${troubled} of them not well`}`;
  return [...troubleFirst(lines).slice(0, most), { about, says, trouble: troubled > 0 }];
}

const troubleFirst = <T extends { readonly trouble: boolean }>(lines: readonly T[]): readonly T[] => [
  ...lines.filter(({ trouble }) => trouble),
  ...lines.filter(({ trouble }) => !trouble),
];

/** `12 %`; what is more than nothing is never shown as nothing. */
const percent = (value: number): string => (value > 0 && value < 1 ? '<1 %' : `${Math.round(value)} %`);

/** The time of day here, with the date where that is another day. */
export function timeOfDay(at: string, now: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = new Date(at);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return date.toDateString() === new Date(now).toDateString() ? time : `${day} ${time}`;
}
