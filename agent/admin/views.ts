/**
 * What the admin may see and do: the whole of it, as functions that agent/app.ts fills. The server behind knows HTTP and nothing of the
 * parts; the parts know nothing of the admin. What goes out has its times as in the log (ISO 8601, UTC) and its percents from 0 to 100.
 */
import type { ProbeResult } from '../../health/probe.js';
import type { EndpointView } from '../../lb/explain.js';
import type { UpstreamVerdict } from '../../lb/verdict.js';
import type { PastCall } from '../../lb/last-calls.js';
import type { Rehearsal, Rehearsed } from '../../lb/rehearse.js';
import type { Phase, SessionState } from '../events.js';
import type { Level } from '../sentences.js';
import type { ListView as Listed } from '../peer.js';
import type { ReloadView } from '../reload.js';
import type { Event } from './ring.js';

/** In the field `server` of every answer, so that a client knows that it is a sidecar that answers. */
export const SERVER = 'zidecar';

/** An Upstream of lb/upstream.ts fits. */
export interface Explained {
  readonly name: string;
  explain(): readonly EndpointView[];
  verdict(): UpstreamVerdict;
}

/** One service of the app, as we wish it in the registry and as the registry last showed it. */
export interface AnnouncementView {
  readonly service: string;
  readonly wish: 'announced' | 'withdrawn';
  /** `unknown`: asked for, not answered, or answered in a session that is over. */
  readonly fact: 'announced' | 'withdrawn' | 'unknown';
  readonly path: string | null;
  readonly provenAt: string | null;
  readonly zxid: string | null;
  /** Who else says that he is us, while he has the node; null: nobody. */
  readonly contested: string | null;
  /** Why the registry does not have what we wish; null: it has, or it has not been asked yet. */
  readonly failing: string | null;
  readonly drained: boolean;
  readonly weight: number;
  /** How the probes find the app; while it is down nothing is wished for. */
  readonly probe: { readonly up: boolean; readonly probe: string; readonly since?: string; readonly last?: ProbeResult };
}

export interface SessionView {
  readonly state: SessionState;
  /** Its id. The password of a session is never shown: with it anybody could take the session over. */
  readonly id: string;
  readonly epoch: number;
  readonly server: string | null;
  readonly timeoutMs: number;
  /** Why it cannot be had; null: nothing speaks against it. */
  readonly trouble: string | null;
  /** Of registries beside the main one, where there are any. */
  readonly others?: readonly (SessionView & { readonly registry: string })[];
}

/** Of an upstream: where its list came from, and when that was told or confirmed last. */
export interface ListView {
  readonly from: Listed['from'];
  readonly confirmed: boolean;
  readonly asOf: number | undefined;
  /** Endpoints that have to prove who they are. */
  readonly doubtful: number;
}

export interface ListenerView {
  readonly what: string;
  readonly at: string;
}

export interface Views {
  /** `startedAt`: milliseconds since 1970. */
  process(): { readonly version: string; readonly phase: Phase; readonly startedAt: number };
  listeners(): readonly ListenerView[];
  upstreams(): Iterable<Explained>;
  /** Undefined: nobody follows it. */
  listOf(name: string): ListView | undefined;
  /** What is to be said of it beside its endpoints: why its list is not read, who is passed over. */
  notesOf(name: string): readonly string[];
  announcements(): readonly AnnouncementView[];
  session(): SessionView;
  /** The effective settings and where each came from, secrets hidden. */
  config(): unknown;
  reload(): ReloadView;
  events(): readonly Event[];
  /** What would become of a call that is not sent. */
  rehearse(call: Rehearsed): Rehearsal;
  /** The last calls that were not plain, newest first. */
  lastCalls(): readonly PastCall[];
}

export type AnnouncementChange = { readonly weight: number } | { readonly status: 'up' | 'drain' };

export interface Changes {
  /** The sentence is a refusal: what was asked for cannot be announced. */
  setAnnouncement(change: AnnouncementChange): { readonly refused: string } | undefined;
  /** Withdraws everything. Resolves when that is done and, with `wait`, when peers can know of it. The process lives on. */
  drain(options: { readonly wait: boolean }): Promise<void>;
  undrain(): { readonly refused: string } | undefined;
  /** An operator knows better than the registry. Undefined: nobody follows it; else how many endpoints that changes. */
  overrule(name: string, what: 'trust' | 'drop'): number | undefined;
  /** Begins to stop, and returns at once. */
  shutdown(): void;
  setLogLevel(level: Level): void;
}

type Times = 'ejectedUntil' | 'outSince' | 'outUntil';
export type ShownEndpoint = Omit<EndpointView, Times> & Readonly<Record<Times, string | null>>;
/** `list` stands only where the registry does not confirm it all. */
export type VerdictView = Omit<UpstreamVerdict, 'since'> & {
  readonly since: string;
  readonly list?: UnsureView;
  /** Sentences; none where there is nothing to say. */
  readonly notes: readonly string[];
};

export interface UnsureView {
  readonly from: ListView['from'];
  readonly asOf: string | null;
  readonly doubtful: number;
}

/** `GET /status`: what a person asks for first, in one answer. */
export interface StatusView {
  readonly version: string;
  readonly phase: Phase;
  readonly startedAt: string;
  readonly session: SessionView;
  readonly announcements: readonly AnnouncementView[];
  readonly upstreams: readonly ({ readonly name: string } & VerdictView)[];
  readonly listeners: readonly ListenerView[];
  readonly settings: SettingsView;
  /** The last few, oldest first. */
  readonly events: readonly { readonly at: string; readonly level: Level; readonly message: string }[];
}

/** How the settings stand. */
export type SettingsView = Omit<ReloadView, 'loadedAt'> & { readonly loadedAt: string };

/** `GET /upstreams/NAME/why`. */
export interface WhyView {
  readonly name: string;
  readonly verdict: VerdictView;
  readonly endpoints: readonly ShownEndpoint[];
}

/** How many events `GET /status` shows. */
const LAST_EVENTS = 5;

const iso = (ms: number): string => new Date(ms).toISOString();
const shown = (endpoint: EndpointView): ShownEndpoint => {
  const at = (ms: number | null): string | null => (ms === null ? null : iso(ms));
  const { ejectedUntil, outSince, outUntil } = endpoint;
  return { ...endpoint, ejectedUntil: at(ejectedUntil), outSince: at(outSince), outUntil: at(outUntil) };
};
const verdictView = (views: Views, upstream: Explained): VerdictView => {
  const verdict = upstream.verdict();
  const notes = views.notesOf(upstream.name);
  return { ...verdict, since: iso(verdict.since), ...unsure(views.listOf(upstream.name)), notes };
};

function unsure(list: ListView | undefined): { readonly list?: UnsureView } {
  if (list === undefined || list.from === 'none' || (list.confirmed && list.doubtful === 0)) return {};
  const { from, asOf, doubtful } = list;
  return { list: { from, asOf: asOf === undefined ? null : iso(asOf), doubtful } };
}

const settingsView = (views: Views): SettingsView => ({ ...views.reload(), loadedAt: iso(views.reload().loadedAt) });

/** What holds now, when it was read, and how the last reading ended. */
export const configView = (views: Views): object => ({ ...settingsView(views), settings: views.config() });

export function statusView(views: Views): StatusView {
  const { version, phase, startedAt } = views.process();
  return {
    version,
    phase,
    startedAt: iso(startedAt),
    session: views.session(),
    announcements: views.announcements(),
    upstreams: Array.from(views.upstreams(), (upstream) => ({
      name: upstream.name,
      ...verdictView(views, upstream),
    })),
    listeners: views.listeners(),
    settings: settingsView(views),
    events: views
      .events()
      .slice(-LAST_EVENTS)
      .map(({ at, level, message }) => ({ at: iso(at), level, message })),
  };
}

export type PastCallView = Omit<PastCall, 'at'> & { readonly at: string };

/** Those with this id; without one, all that are kept. */
export const callsView = (views: Views, requestId?: string): { readonly calls: readonly PastCallView[] } => ({
  calls: views
    .lastCalls()
    .filter((call) => requestId === undefined || call.requestId === requestId)
    .map((call) => ({ ...call, at: iso(call.at) })),
});

export interface EventsView {
  readonly events: readonly { readonly at: string; readonly level: Level; readonly message: string }[];
}

export const eventsView = (views: Views): object => ({
  events: views.events().map((event) => ({ ...event, at: iso(event.at) })),
});

/** Exactly the fields that are promised, whatever else an upstream tells. */
export function upstreamsView(views: Views): object {
  const promised = (endpoint: EndpointView): object => {
    const { id, host, port, weight, circuit, inFlight, ejectedUntil } = shown(endpoint);
    return { id, host, port, weight, circuit, inFlight, ejectedUntil };
  };
  return {
    upstreams: Array.from(views.upstreams(), (upstream) => ({
      name: upstream.name,
      endpoints: upstream.explain().map(promised),
      ...unsure(views.listOf(upstream.name)),
    })),
  };
}

export function whyView(views: Views, name: string): WhyView | undefined {
  for (const upstream of views.upstreams())
    if (upstream.name === name) return { name, verdict: verdictView(views, upstream), endpoints: upstream.explain().map(shown) };
  return undefined;
}
