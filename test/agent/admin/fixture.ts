import type { PastCall } from '../../../lb/last-calls.js';
import type { AnnouncementView, Changes, ListView, StatusView, VerdictView, Views } from '../../../agent/admin/views.js';
import type { EndpointView } from '../../../lb/explain.js';
import type { UpstreamVerdict } from '../../../lb/verdict.js';
import { Ring } from '../../../agent/admin/ring.js';

/** 12:04:10, wherever the test runs. */
export const at = new Date(2026, 10, 22, 12, 4, 10).getTime();
export const iso = new Date(at).toISOString();

type Times = 'ejectedUntil' | 'outSince' | 'outUntil';
/** As an upstream gives it and as a view shows it. */
type Shown = EndpointView & Readonly<Record<Times, null>>;

export const endpoint = (host: string, more: Partial<Shown> = {}): Shown => ({
  id: host,
  host,
  port: 8080,
  weight: 1,
  circuit: 'closed',
  inFlight: 0,
  ejectedUntil: null,
  outSince: null,
  outUntil: null,
  share: 50,
  reason: 'takes calls: weight 1 of 2',
  labels: {},
  ...more,
});

/** As the views give it, with its time as text. */
export const shown = (more: Partial<UpstreamVerdict> = {}): VerdictView => {
  const { since, ...rest } = verdict(more);
  return { ...rest, since: new Date(since).toISOString(), notes: [] };
};

export const verdict = (more: Partial<UpstreamVerdict> = {}): UpstreamVerdict => ({
  state: 'well',
  since: at,
  out: 0,
  total: 3,
  panic: false,
  lost: 0,
  retryPercent: 0,
  retryBudgetPercent: 20,
  ...more,
});

export const announcement = (more: Partial<AnnouncementView> = {}): AnnouncementView => ({
  service: 'shop',
  wish: 'announced',
  fact: 'announced',
  path: '/services/shop/a',
  provenAt: iso,
  zxid: '17',
  contested: null,
  failing: null,
  drained: false,
  weight: 1,
  probe: { up: true, probe: 'http' },
  ...more,
});

export const statusView = (more: Partial<StatusView> = {}): StatusView => ({
  version: '0.1.0',
  phase: 'ready',
  startedAt: iso,
  session: { state: 'connected', id: '0x1a', epoch: 1, server: '127.0.0.1:2181', timeoutMs: 30_000, trouble: null },
  announcements: [announcement()],
  upstreams: [{ name: 'orders', ...shown() }],
  listeners: [{ what: 'outbound', at: '127.0.0.1:6140' }],
  settings: { loadedAt: iso, problems: [], needsRestart: [] },
  events: [],
  ...more,
});

export const pastCall = (more: Partial<PastCall> = {}): PastCall => ({
  ...{ at, requestId: 'id-1', upstream: 'orders', method: 'GET', target: '/x' },
  ...{
    attempts: 2,
    endpoint: '10.1.2.4:8080',
    sends: [
      { endpoint: '10.1.2.3:8080', startMs: 0, pauseMs: 0, ms: 203, became: 'response_timeout' },
      { endpoint: '10.1.2.4:8080', startMs: 243.1, pauseMs: 40.1, ms: 12, became: '200' },
    ],
    status: 200,
    code: null,
    ms: 255.1,
  },
  ...more,
});

export const ill = endpoint('10.1.2.3', {
  circuit: 'open',
  share: 0,
  reason: 'circuit open since 12 s: 5 connects refused; next trial in 3 s',
});

/** A sidecar of which only what the admin sees is there; `done` has what the admin did to it. */
export function sidecar(): {
  views: Views;
  changes: Changes;
  done: unknown[];
  /** By the name of the upstream. */
  lists: Map<string, ListView>;
  announcements: AnnouncementView[];
  ring: Ring;
  drained: { finish: () => void };
} {
  const done: unknown[] = [];
  const lists = new Map<string, ListView>([['orders', { from: 'registry', confirmed: true, asOf: at, doubtful: 0 }]]);
  const announcements = [announcement()];
  const ring = new Ring(() => at);
  const drained = { finish: (): void => undefined };
  const withdraw = (): void =>
    void announcements.splice(0, 1, announcement({ wish: 'withdrawn', fact: 'withdrawn', drained: true }));
  return {
    done,
    lists,
    announcements,
    ring,
    drained,
    views: {
      process: () => ({ version: '0.1.0', phase: 'ready', startedAt: at }),
      listeners: () => [{ what: 'outbound', at: '127.0.0.1:6140' }],
      upstreams: () => [
        {
          name: 'orders',
          explain: () => [ill, endpoint('10.1.2.4')],
          verdict: () => verdict({ state: 'ill', out: 1, retryPercent: 4 }),
        },
        { name: 'us/ers', explain: () => [], verdict: () => verdict({ state: 'empty', total: 0 }) },
      ],
      listOf: (name) => lists.get(name),
      notesOf: (name) => (name === 'us/ers' ? ['nobody is in /services/us/ers (curator)'] : []),
      announcements: () => announcements,
      session: () => statusView().session,
      config: () => [{ setting: 'ZIDECAR_ZOOKEEPER', value: 'zk:2181', from: 'environment' }],
      rehearse: (call) => {
        done.push(call);
        return {
          steps: [{ about: 'route', says: 'Host orders names orders' }],
          refused: null,
          endpoints: [endpoint('10.1.2.4')],
        };
      },
      lastCalls: () => [pastCall()],
      reload: () => ({ loadedAt: at, problems: [], needsRestart: [] }),
      events: () => ring.list(),
    },
    changes: {
      setAnnouncement: (change) => {
        done.push(change);
        if ('weight' in change && change.weight === 0.5) return { refused: 'spring weighs by whole numbers' };
        if ('weight' in change) announcements[0] = announcement({ weight: change.weight });
        return undefined;
      },
      drain: async ({ wait }) => {
        done.push({ drain: { wait } });
        if (wait) await new Promise<void>((resolve) => (drained.finish = resolve));
        withdraw();
      },
      undrain: () => {
        done.push('undrain');
        return undefined;
      },
      overrule: (name, what) => {
        done.push({ overrule: { name, what } });
        return lists.has(name) ? 1 : undefined;
      },
      shutdown: () => void done.push('shutdown'),
      setLogLevel: (level) => void done.push({ level }),
    },
  };
}
