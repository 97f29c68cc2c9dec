/**
 * What Prometheus is told. Two ways in: rare things arrive as facts and are counted here; whatever moves with each call is a plain number
 * of the data path that is read when somebody scrapes, so no label is hashed on the way of a call.
 *
 * Every series is bounded: services are those configured or at most 256 names in use, codes and reasons are closed sets, and endpoints
 * are a label only when asked for.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { performance } from 'node:perf_hooks';
import { address, type Endpoint } from '../lb/endpoint.js';
import { latencyBounds, type UpstreamStats } from '../lb/stats.js';
import type { CircuitState } from '../lb/breaker.js';
import type { EndpointState } from '../lb/explain.js';
import { limitNames, type LimitName, type Usage } from '../lb/limits.js';
import type { Emit, SessionState } from './events.js';
import { expose, type Family, type Sample } from './exposition.js';
import { metricTable, type MetricName } from './metric-table.js';

/** Upstream of lb/upstream.ts fits. */
interface Upstream {
  readonly name: string;
  readonly stats: UpstreamStats;
  readonly usage: Usage;
  states(): Readonly<Record<EndpointState, number>>;
  verdict(): { readonly panic: boolean };
  explain(): readonly (Pick<Endpoint, 'host' | 'port'> & { readonly circuit: CircuitState })[];
}

/** What is read at each scrape. */
export interface MetricSources {
  upstreams(): Iterable<Upstream>;
  /** Where lists came from, and how far they are to be believed. */
  lists(): Iterable<{
    readonly name: string;
    readonly confirmed: boolean;
    readonly asOf: number | undefined;
    readonly doubtful: number;
  }>;
  wall(): number;
  /** Calls that never had an upstream; their service is `unknown`. */
  unrouted(): UpstreamStats;
  /** Calls by the lane that carried them. */
  lanes(): Readonly<Record<string, number>>;
  announcements(): Iterable<{ readonly service: string; readonly registered: boolean; readonly up: boolean }>;
  session(): SessionState;
  /** Of registries beside the main one. */
  otherSessions?(): readonly { readonly registry: string; readonly state: SessionState }[];
  watches(): number;
  logLinesLost(): number;
}

export interface MetricOptions {
  readonly version: string;
  readonly node: string;
  /** One series an endpoint: for a few services, not for a fleet. */
  readonly perEndpoint: boolean;
  /** Lets others have their turn. */
  readonly rest: () => Promise<void>;
}

export interface Metrics {
  readonly emit: Emit;
  /** The content type and the text of one scrape. */
  scrape(): Promise<{ readonly type: string; readonly text: string }>;
}

const sessionStates: readonly SessionState[] = ['connecting', 'connected', 'suspended', 'expired', 'closed'];
/** In one scrape; a fleet has more than a Prometheus wants from each pod. */
const MOST_ENDPOINTS = 2_000;
const circuitNumber: Readonly<Record<CircuitState, number>> = { closed: 0, half_open: 1, open: 2 };
const propagationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function makeMetrics(sources: MetricSources, options: MetricOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const described = (name: MetricName): { name: string; help: string; labelNames: string[]; registers: Registry[] } => {
    const [, labels, help] = metricTable[name];
    return { name, help, labelNames: labels.split(' ').filter(Boolean), registers };
  };
  /** They keep nothing, and ask when scraped. */
  const families: Family[] = [];
  const scraped = (name: MetricName, read: () => Iterable<Sample>): void => {
    const [type, , help] = metricTable[name];
    families.push({ name, type, help, read });
  };
  /** One after the other while they are written: reading all of them first would be one long turn. */
  const each = <Item>(items: () => Iterable<Item>, samples: (item: Item) => Iterable<Sample>) =>
    function* (): Iterable<Sample> {
      for (const item of items()) yield* samples(item);
    };
  const single = (name: MetricName, read: () => number): void => scraped(name, () => [{ labels: {}, value: read() }]);
  const all = (): readonly (readonly [string, UpstreamStats])[] => [
    ...Array.from(sources.upstreams(), ({ name, stats }) => [name, stats] as const),
    ['unknown', sources.unrouted()],
  ];
  const ofStats = (name: MetricName, samples: (service: string, stats: UpstreamStats) => Iterable<Sample>): void =>
    scraped(
      name,
      each(all, ([service, stats]) => samples(service, stats)),
    );
  const perUpstream = (name: MetricName, read: (stats: UpstreamStats) => number): void =>
    ofStats(name, (service, stats) => [{ labels: { service }, value: read(stats) }]);

  ofStats('zidecar_requests_total', (service, { calls }) =>
    Array.from(calls, ([code, value]) => ({ labels: { service, code }, value })),
  );
  ofStats('zidecar_request_duration_seconds', latencySamples);
  perUpstream('zidecar_requests_in_flight', (stats) => stats.inFlight);
  perUpstream('zidecar_requests_lost_total', (stats) => stats.lost);
  scraped('zidecar_lane_calls_total', () =>
    Object.entries(sources.lanes()).map(([lane, value]) => ({ labels: { lane }, value })),
  );
  perUpstream('zidecar_attempts_total', (stats) => stats.attempts);
  perUpstream('zidecar_retries_total', (stats) => stats.retries);
  ofStats('zidecar_hedges_total', (service, { hedges, hedgesWon }) => [
    { labels: { service, result: 'won' }, value: hedgesWon },
    { labels: { service, result: 'lost' }, value: hedges - hedgesWon },
  ]);
  perUpstream('zidecar_retry_overflow_total', (stats) => stats.retryOverflow);
  perUpstream('zidecar_subsets_dropped_total', (stats) => stats.subsetsDropped);
  ofStats('zidecar_tunnel_bytes_total', (service, { tunnelled }) =>
    Object.entries(tunnelled).map(([direction, value]) => ({ labels: { service, direction }, value })),
  );
  perUpstream('zidecar_ejections_total', (stats) => stats.ejections);
  perUpstream('zidecar_ejections_withheld_total', (stats) => stats.ejectionsWithheld);
  ofStats('zidecar_would_have_total', (service, { wouldHave }) =>
    Object.entries(wouldHave).map(([what, value]) => ({ labels: { service, what }, value })),
  );
  const upstreams = (): Iterable<Upstream> => [...sources.upstreams()];
  const perLimit = (name: MetricName, read: (usage: Usage, limit: LimitName) => number): void =>
    scraped(
      name,
      each(upstreams, ({ name: service, usage }) =>
        limitNames.map((limit) => ({ labels: { service, limit }, value: read(usage, limit) })),
      ),
    );
  perLimit('zidecar_limit', ({ limits }, limit) => limits[limit]);
  perLimit('zidecar_limit_used', (usage, limit) => usage.used(limit));
  perLimit('zidecar_limit_refused_total', ({ refused }, limit) => refused[limit]);
  scraped(
    'zidecar_panic',
    each(upstreams, (upstream) => [{ labels: { service: upstream.name }, value: Number(upstream.verdict().panic) }]),
  );
  scraped(
    'zidecar_endpoints',
    each(upstreams, (upstream) =>
      Object.entries(upstream.states()).map(([state, value]) => ({ labels: { service: upstream.name, state }, value })),
    ),
  );
  const perList = (
    name: MetricName,
    read: (list: ReturnType<MetricSources['lists']> extends Iterable<infer L> ? L : never) => number,
  ) => scraped(name, () => Array.from(sources.lists(), (list) => ({ labels: { service: list.name }, value: read(list) })));
  perList('zidecar_doubtful_endpoints', ({ doubtful }) => doubtful);
  perList('zidecar_list_age_seconds', ({ confirmed, asOf }) =>
    confirmed || asOf === undefined ? 0 : Math.max(0, (sources.wall() - asOf) / 1000),
  );
  if (options.perEndpoint)
    scraped('zidecar_circuit_state', () => {
      const all = Array.from(sources.upstreams()).flatMap((upstream) =>
        upstream.explain().map((endpoint) => ({
          labels: { service: upstream.name, endpoint: address(endpoint) },
          value: circuitNumber[endpoint.circuit],
        })),
      );
      if (all.length > MOST_ENDPOINTS) bounds.inc({ bound: 'endpoints in the metrics' });
      return all.slice(0, MOST_ENDPOINTS);
    });
  const perAnnouncement = (name: MetricName, read: (one: { registered: boolean; up: boolean }) => boolean): void =>
    scraped(name, () =>
      Array.from(sources.announcements(), (one) => ({ labels: { service: one.service }, value: Number(read(one)) })),
    );
  perAnnouncement('zidecar_app_up', ({ up }) => up);
  perAnnouncement('zidecar_registered', ({ registered }) => registered);
  scraped('zidecar_session_state', () => {
    const now = sources.session();
    return sessionStates.map((state) => ({ labels: { state }, value: Number(state === now) }));
  });
  scraped('zidecar_other_session_state', () =>
    (sources.otherSessions?.() ?? []).flatMap(({ registry, state: now }) =>
      sessionStates.map((state) => ({ labels: { registry, state }, value: Number(state === now) })),
    ),
  );
  single('zidecar_watches', () => sources.watches());
  single('zidecar_log_lines_lost_total', () => sources.logLinesLost());
  single('zidecar_event_loop_active_seconds_total', () => performance.eventLoopUtilization().active / 1000);
  scraped('zidecar_build_info', () => [{ labels: { version: options.version, node: options.node }, value: 1 }]);
  collectProcess(registry);

  const probes = new Counter(described('zidecar_probes_total'));
  const operations = new Counter(described('zidecar_registry_operations_total'));
  const lost = new Counter(described('zidecar_announcements_lost_total'));
  const ignored = new Counter(described('zidecar_znodes_ignored_total'));
  const massDrops = new Counter(described('zidecar_mass_drops_total'));
  const identities = new Counter(described('zidecar_identity_questions_total'));
  const bounds = new Counter(described('zidecar_bound_reached_total'));
  const reloads = new Counter(described('zidecar_config_reloads_total'));
  const propagation = new Histogram({ ...described('zidecar_propagation_seconds'), buckets: propagationBounds });

  return {
    emit(fact) {
      if (fact.kind === 'probe_ended') probes.inc({ service: fact.service, result: fact.result });
      else if (fact.kind === 'registry_operation') operations.inc({ op: fact.op, result: fact.result });
      else if (fact.kind === 'announcement_lost') lost.inc({ service: fact.service, by: fact.by });
      else if (fact.kind === 'znode_ignored') ignored.inc({ reason: fact.reason });
      else if (fact.kind === 'config_reloaded') reloads.inc({ result: 'ok' });
      else if (fact.kind === 'config_refused') reloads.inc({ result: 'refused' });
      else if (fact.kind === 'mass_drop') massDrops.inc({ service: fact.upstream });
      else if (fact.kind === 'identity_asked') identities.inc({ result: fact.result });
      else if (fact.kind === 'bound_reached') bounds.inc({ bound: fact.bound });
      else if (fact.kind === 'list_changed' && fact.tookMs !== undefined) propagation.observe(fact.tookMs / 1000);
    },
    scrape: async () => {
      const text = await expose(families, options.rest);
      return { type: registry.contentType, text: text + (await registry.metrics()) };
    },
  };
}

/**
 * Prometheus counts up: each bucket holds all that is faster, the last one everything. Of a service that was never called there is nothing: most of
 * hundreds are, and their empty buckets would be a third of all that is read.
 */
function latencySamples(service: string, { calls, latency, latencySumSeconds }: UpstreamStats): Sample[] {
  if (calls.size === 0) return [];
  const name = 'zidecar_request_duration_seconds';
  let count = 0;
  const buckets = latency.map((calls, index) => ({
    metricName: `${name}_bucket`,
    labels: { service, le: index < latencyBounds.length ? String(latencyBounds[index]!) : '+Inf' },
    value: (count += calls),
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { service }, value: latencySumSeconds },
    { metricName: `${name}_count`, labels: { service }, value: count },
  ];
}

/** As long as a timer of node may be told to wait: never, for us. */
const NEVER_MS = 2 ** 31 - 1;
const lagStatistics = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

/**
 * prom-client's metrics of the process, less its statistics of the event loop's lag. Those wake an idle process a hundred times a second
 * (measured: 1 % of a core, in every pod), and what they show includes the 10 ms between two looks. The lag at the time of a scrape stays,
 * and zidecar_event_loop_active_seconds_total says how busy the loop is.
 */
function collectProcess(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: NEVER_MS });
  for (const statistic of lagStatistics) register.removeSingleMetric(`nodejs_eventloop_lag_${statistic}_seconds`);
}
