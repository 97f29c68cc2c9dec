/** Puts together what carries the app's calls: an upstream for each peer, the discovery that fills them, and the proxy before them. */
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { address } from '../lb/endpoint.js';
import { Proxy } from '../lb/proxy.js';
import type { HashOn } from '../lb/hash-key.js';
import type { CallSettings } from '../lb/settings.js';
import { Checker } from '../lb/checker.js';
import { defaultSlowStart } from '../lb/slow-start.js';
import type { UpstreamStats } from '../lb/stats.js';
import type { SubsetRules } from '../lb/subsets.js';
import { Sweeper } from '../lb/sweeper.js';
import { Switch } from '../lb/switch.js';
import { Upstream } from '../lb/upstream.js';
import { balancerFor, balancingOf, hashOnOf, subsetRules, type HeldTo } from './balancing.js';
import type { HostPort } from './config/addresses.js';
import { CallerZones } from './caller-zones.js';
import type { Config } from './config/load.js';
import type { UpstreamSettings } from './config/schema.js';
import { Discovery } from './discovery.js';
import type { Emit } from './events.js';
import { each, inTurns } from './in-turns.js';
import { isLoopback } from './loopback.js';
import type { Instance } from './registry/dialects/dialect.js';
import type { Registry } from './registry/registry.js';
import { placesOf } from './snapshot/places.js';
import { Snapshot } from './snapshot/snapshot.js';
import { userId, type Clock, type Random } from './system.js';
import { Prover } from './trust/prover.js';
import { reloaded, upstreamOptions, type UpstreamOptions } from './upstream-options.js';

export interface CallingParts {
  readonly config: Config;
  readonly registry: Pick<Registry, 'watch' | 'names'>;
  /** The address that routes to ZooKeeper, where it was asked for. */
  readonly ownHost: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** True for an address at which this sidecar listens itself. */
  readonly isOwnListener: (host: string, port: number) => boolean;
  /** Whether a fact of level trace goes anywhere now. */
  readonly traced: () => boolean;
}

export interface Calling {
  readonly proxy: Proxy;
  readonly discovery: Discovery<Upstream>;
  readonly sweeper: Sweeper;
  readonly checker: Checker;
  readonly callerZones: CallerZones;
  /** Undefined where none is kept. */
  readonly snapshot: Snapshot | undefined;
  /** Takes what can change: who stays keeps its circuit, its connections and, where the policy is the same, its turn. */
  reload(config: Config): Promise<void>;
}

/** What of an upstream can become another. */
interface Live {
  readonly name: string;
  readonly balancer: Switch;
  readonly slowStart: { durationMs: number | undefined; from: number };
  /** Their parts read them with each use. */
  readonly options: UpstreamOptions;
  readonly subsets: SubsetRules & HeldTo;
}

const MAX_REMEMBERED = 1024;

export function makeCalling({
  config: atStart,
  registry,
  ownHost,
  clock,
  random,
  emit,
  isOwnListener,
  traced,
}: CallingParts): Calling {
  let config = atStart;
  const live = new WeakMap<Upstream, Live>();
  const forwardedFor = config.forwarded === 'append' ? ownAddress(config, ownHost) : undefined;
  if (config.forwarded === 'append' && forwardedFor === undefined)
    emit({ kind: 'warned', why: `ZIDECAR_FORWARDED=append appends nothing: ${NO_ADDRESS}` });
  const overTcp = new Set(config.upstreams.named.flatMap(({ name, tcp }) => (tcp ? [name] : [])));
  const prover = new Prover({ clock, told: (result) => emit({ kind: 'identity_asked', result }) });
  const callsNobody = config.outbound.length === 0 && config.upstreams.named.every(({ listen }) => listen.length === 0);
  const snapshot =
    config.snapshot === undefined || callsNobody
      ? undefined
      : Snapshot.open({ path: config.snapshot, places: placesOf(config.zookeeper), user: userId(), clock, emit });
  const discovery = new Discovery<Upstream>({
    registry,
    clock,
    random,
    emit,
    makeUpstream: (name) => makeUpstream(name),
    sourcesFor: (name) => config.sourcesOf(name),
    named: config.upstreams.named.map(({ name }) => name),
    closed: config.upstreams.closed,
    isOwnListener,
    isTcp: (name) => overTcp.has(name),
    trusting: {
      prove: (suspect) => prover.prove(suspect),
      foreign: (name) => config.settingsOf(name).doubtful,
      connectTimeoutMs: (name) => config.settingsOf(name).connectTimeout,
      remembered: (name, source) => snapshot?.remembered(name, source),
      heard: (name) => snapshot?.heard(name),
      seeds: (name) => config.seed?.get(name)?.map((at) => seedInstance(name, at)) ?? [],
    },
  });
  const zone = config.zone ?? config.announcements.find((announcement) => announcement.zone !== undefined)?.zone;
  const pseudonym = `zidecar-${Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')}`;
  const own = ownAddress(config, ownHost) ?? pseudonym;
  const callerZones = new CallerZones(registry, config.announcements);
  const callers = (): ReadonlyMap<string, number> | undefined => callerZones.counts();
  const makeUpstream = (name: string): Upstream => {
    const settings = config.settingsOf(name);
    const source = config.sourcesOf(name).map(({ path }) => path);
    const suspected = (): void => sweeper.soon();
    const stats = (): UpstreamStats => upstream.stats;
    const slowStart = { ...defaultSlowStart, durationMs: settings.slowStart };
    const options = upstreamOptions(settings);
    const subsets = subsetRules(name, settings, { panic: options.panic, stats, emit });
    const balancer = new Switch(balancerFor(settings, { clock, random, zone, callers, stats, subsets }));
    const ownKey = (): number | undefined => ownKeyOf(settingsOf.get(name).hashOn);
    const parts = { balancer, clock, random, emit, slowStart, suspected, ownKey, whyNobody: () => discovery.whyNobody(name) };
    const upstream: Upstream = new Upstream(name, { ...parts, ...options, source: source.join(' and ') });
    live.set(upstream, { name, balancer, slowStart, options, subsets });
    if (upstream.checks !== undefined) checker.start();
    return upstream;
  };
  const checker = new Checker({ clock, upstreams: () => discovery.upstreams() });
  const settingsOf = remembered((name) => callSettings(config.settingsOf(name), own));
  const sweeper = new Sweeper({
    clock,
    upstreams: () => discovery.upstreams(),
    connectTimeoutMs: (name) => config.settingsOf(name).connectTimeout,
  });
  const named = config.upstreams.named.flatMap(({ name, listen, tcp }) =>
    listen.map((listener) => ({ ...listener, upstream: name, tcp, setting: 'ZIDECAR_UPSTREAMS' })),
  );
  const proxy = new Proxy({
    lookup: (name, absolute) => discovery.lookup(name, absolute),
    clock,
    random,
    emit,
    options: {
      listeners: [...config.outbound.map((listener) => ({ ...listener, setting: 'ZIDECAR_OUTBOUND' })), ...named],
      settings: settingsOf.get,
      domain: config.domain,
      pseudonym,
      forwardedFor,
      maxFields: config.maxFields,
      maxHeadBytes: config.maxHead,
      headerTimeoutMs: config.headerTimeout,
      clientIdleTimeoutMs: config.clientIdleTimeout,
      fastLane: config.fastLane,
      get accessLog() {
        return config.accessLog;
      },
      traced,
    },
  });
  snapshot?.start((name) => discovery.confirmedLists(name));
  return {
    proxy,
    discovery,
    sweeper,
    checker,
    callerZones,
    snapshot,
    async reload(next) {
      const before = config;
      config = next;
      settingsOf.clear();
      const reconsider = (upstream: Upstream): void => {
        const { name, balancer, slowStart, options, subsets } = live.get(upstream)!;
        const [was, is] = [before.settingsOf(name), next.settingsOf(name)];
        upstream.budget.percent = is.retryBudget;
        slowStart.durationMs = is.slowStart;
        const now = upstreamOptions(is);
        for (const part of reloaded) Object.assign(options[part], now[part]);
        [subsets.standard, subsets.otherwise] = [is.subset, is.subsetFallback];
        if (!isDeepStrictEqual(balancingOf(was), balancingOf(is)))
          balancer.to(balancerFor(is, { clock, random, zone, callers, stats: () => upstream.stats, subsets }));
        else if (was.panic !== is.panic) balancer.reconsider();
        upstream.reconsider(now.check);
        if (upstream.checks !== undefined) checker.start();
      };
      const followed = discovery.upstreams();
      discovery.rename(
        next.upstreams.named.map(({ name }) => name),
        next.upstreams.closed,
      );
      await inTurns(each(followed, reconsider), clock); // who is new is made of what holds now
    },
  };
}

/** Nobody has told its id, so its address stands in for one. */
const seedInstance = (service: string, at: HostPort): Instance => ({
  ...{ service, id: `seed ${address(at)}`, host: at.host, port: at.port, weight: 1, up: true, meta: {} },
});

const NO_ADDRESS = 'no address of this machine but the loopback is known; set ZIDECAR_ADVERTISE to the one that peers know';

/** What peers may be told of us. Never a loopback address, which they would trust as their own. */
export const ownAddress = ({ advertise }: Pick<Config, 'advertise'>, ownHost?: string): string | undefined =>
  [advertise?.host, ownHost].find((host) => host !== undefined && isIP(host) !== 0 && !isLoopback(host));

/** What a name is given changes seldom, and is asked for with each call. Names are not ours, so the memory is bounded. */
function remembered<Value>(make: (name: string) => Value): { readonly get: (name: string) => Value; readonly clear: () => void } {
  const known = new Map<string, Value>();
  const get = (name: string): Value => {
    let value = known.get(name);
    if (value === undefined) {
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(name, (value = make(name)));
    }
    return value;
  };
  return { get, clear: () => known.clear() };
}

const ownKeyOf = (on: HashOn | undefined): number | undefined => (on?.by === 'source' ? on.own : undefined);

const callSettings = (of: UpstreamSettings, own: string): CallSettings => ({
  connectTimeoutMs: of.connectTimeout,
  requestTimeoutMs: of.requestTimeout,
  responseTimeoutMs: of.responseTimeout,
  bodyTimeoutMs: of.bodyTimeout,
  tunnelIdleTimeoutMs: of.tunnelIdleTimeout,
  idleTimeoutMs: of.idleTimeout,
  retries: of.retries,
  hashOn: hashOnOf(of, own),
  retryOn: of.retryOn,
  retryKeyed: of.retryIdempotencyKey,
  hedge: of.hedge,
});
