/** Puts together what carries the app's calls: an upstream for each peer, the discovery that fills them, and the proxy before them. */
import { isIP } from 'node:net';
import { Proxy } from '../lb/proxy.js';
import type { CallSettings } from '../lb/settings.js';
import { Checker } from '../lb/checker.js';
import { defaultSlowStart } from '../lb/slow-start.js';
import type { UpstreamStats } from '../lb/stats.js';
import { Sweeper } from '../lb/sweeper.js';
import { Upstream } from '../lb/upstream.js';
import { balancerFor, hashOnOf } from './balancing.js';
import type { Config } from './config/load.js';
import type { UpstreamSettings } from './config/schema.js';
import { Discovery } from './discovery.js';
import type { Emit } from './events.js';
import { isLoopback } from './loopback.js';
import type { Registry } from './registry/registry.js';
import type { Clock, Random } from './system.js';
import { upstreamOptions } from './upstream-options.js';

export interface CallingParts {
  readonly config: Config;
  readonly registry: Registry;
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
}

const MAX_REMEMBERED = 1024;

export function makeCalling({ config, registry, ownHost, clock, random, emit, isOwnListener, traced }: CallingParts): Calling {
  const forwardedFor = config.forwarded === 'append' ? ownAddress(config, ownHost) : undefined;
  if (config.forwarded === 'append' && forwardedFor === undefined)
    emit({ kind: 'warned', why: `ZIDECAR_FORWARDED=append appends nothing: ${NO_ADDRESS}` });
  const overTcp = new Set(config.upstreams.named.flatMap(({ name, tcp }) => (tcp ? [name] : [])));
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
  });
  const zone = config.zone ?? config.announcements.find((announcement) => announcement.zone !== undefined)?.zone;
  const pseudonym = `zidecar-${Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')}`;
  const own = ownAddress(config, ownHost) ?? pseudonym;
  const makeUpstream = (name: string): Upstream => {
    const settings = config.settingsOf(name);
    const source = config.sourcesOf(name).map(({ path }) => path);
    const suspected = (): void => sweeper.soon();
    const stats = (): UpstreamStats => upstream.stats;
    const balancer = balancerFor(settings, { clock, random, zone, callers: undefined, stats });
    const slowStart = { ...defaultSlowStart, durationMs: settings.slowStart };
    const parts = { balancer, clock, random, emit, slowStart, suspected };
    const upstream: Upstream = new Upstream(name, { ...parts, ...upstreamOptions(settings), source: source.join(' and ') });
    if (upstream.checks !== undefined) checker.start();
    return upstream;
  };
  const checker = new Checker({ clock, upstreams: () => discovery.upstreams() });
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
      settings: remembered((name) => callSettings(config.settingsOf(name), own)),
      domain: config.domain,
      pseudonym,
      forwardedFor,
      maxFields: config.maxFields,
      maxHeadBytes: config.maxHead,
      headerTimeoutMs: config.headerTimeout,
      clientIdleTimeoutMs: config.clientIdleTimeout,
      fastLane: config.fastLane,
      accessLog: config.accessLog,
      traced,
    },
  });
  return { proxy, discovery, sweeper, checker };
}

const NO_ADDRESS = 'no address of this machine but the loopback is known; set ZIDECAR_ADVERTISE to the one that peers know';

/** What peers may be told of us. Never a loopback address, which they would trust as their own. */
export const ownAddress = ({ advertise }: Pick<Config, 'advertise'>, ownHost?: string): string | undefined =>
  [advertise?.host, ownHost].find((host) => host !== undefined && isIP(host) !== 0 && !isLoopback(host));

/** What a name is given does not change, and is asked for with each call. Names are not ours, so the memory is bounded. */
function remembered<Value>(make: (name: string) => Value): (name: string) => Value {
  const known = new Map<string, Value>();
  return (name) => {
    let value = known.get(name);
    if (value === undefined) {
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(name, (value = make(name)));
    }
    return value;
  };
}

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
