/**
 * The whole sidecar, put together: every part is made here from the settings and tied to the others, and nowhere else. What each part does
 * is in its own file.
 */
import { Ring } from './admin/ring.js';
import { serveAdmin } from './admin/server.js';
import type { Changes, ListenerView, Views } from './admin/views.js';
import { makeAnnouncements } from './announcing.js';
import { makeCalling } from './calling.js';
import type { Child } from './child.js';
import { effective } from './config/effective.js';
import { readTextFile } from './config/file.js';
import { followFile } from './config/follow-file.js';
import type { Config } from './config/load.js';
import type { Emit, LifecycleFact } from './events.js';
import { Floods } from './floods.js';
import { serveHealth } from './health-server.js';
import { foreignAddresses, ownNames, ownRoute } from './identity.js';
import { Lifecycle } from './lifecycle.js';
import type { Listening } from './listen.js';
import type { Pieces } from './in-turns.js';
import { makeLog } from './log.js';
import { makeMetrics } from './metrics.js';
import { ownListeners } from './own-listeners.js';
import { openTree } from './open-tree.js';
import { readiness } from './readiness.js';
import { Reload } from './reload.js';
import { dialects } from './registry/dialects/dialects.js';
import { openRegistries } from './registries.js';
import { byRow, byVariables } from './registry/remedies.js';
import { TreeRegistry } from './registry/tree-registry.js';
import { SessionTrouble } from './session-trouble.js';
import { machineAddresses, type Clock, type Random } from './system.js';
import type { Identity } from './trust/who-answers.js';

export interface World {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The settings, read anew; throws a ConfigError. Undefined where they cannot have changed. */
  readonly loadAgain?: (() => Pieces<Config>) | undefined;
  /** The text of the file that they were read from. */
  readonly loaded?: string | undefined;
  /** Starts the app; undefined where somebody else does. */
  readonly startChild?: ((emit: Emit) => Child) | undefined;
}

export interface App {
  readonly child: Child | undefined;
  /** Stops in order, and resolves when everything is closed; `signal` is what the child is told. A second call joins the first. */
  stop(signal: NodeJS.Signals, why: string): Promise<void>;
  /** The child has ended by itself: stops without waiting for anybody. */
  childEnded(why: string): Promise<void>;
  /** Resolves when everything is closed, whoever asked for it. */
  readonly stopped: Promise<void>;
  /** Reads the settings again, and takes of them what can change. Undefined where they cannot have changed. */
  readonly reload: ((why: string) => void) | undefined;
}

/**
 * Resolves when every listener is open and the child is started. Rejects with a ListenError or a RegistryError that says what to do; nothing
 * is left open then.
 */
export async function startApp(config: Config, { version, clock, random, loadAgain, loaded, startChild }: World): Promise<App> {
  const startedAt = clock.now();
  const startedWall = clock.wall();

  // what is told, and to whom
  const log = await makeLog({
    level: config.logLevel,
    format: config.logFormat,
    get accessLog() {
      return settings.config.accessLog;
    },
    wall: () => clock.wall(),
    after: (ms, run) => clock.after(ms, run),
  });
  const ring = new Ring(() => clock.wall());
  const sessionTrouble = new SessionTrouble();
  const floods = new Floods((fact) => {
    log.emit(fact);
    ring.add(fact);
  }, clock);
  const emit: Emit = (fact) => {
    metrics.emit(fact);
    sessionTrouble.heard(fact);
    floods.emit(fact);
  };
  const warn = (why: string): void => emit({ kind: 'warned', why });
  const metrics = makeMetrics(
    {
      upstreams: () => discovery.upstreams(),
      unrouted: () => proxy.strays,
      lanes: () => proxy.carried(),
      announcements: () => {
        const all = announcements.map((announcement) => announcement.view());
        return Array.from(new Set(all.map(({ service }) => service)), (service) => {
          const views = all.filter((view) => view.service === service); // one for each dialect
          return {
            service,
            registered: views.every(({ fact }) => fact === 'announced'),
            up: views.every(({ probe }) => probe.up),
          };
        });
      },
      lists: () => discovery.listViews(),
      wall: () => clock.wall(),
      session: () => tree.session.state,
      otherSessions: () => registries.sessions(),
      watches: () => tree.watches,
      logLinesLost: () => log.lost,
    },
    { version, node: process.version, perEndpoint: config.metricsEndpoints, rest: () => clock.sleep(0) },
  );
  config.warnings.forEach(warn);

  // the registry; who we are in it; whom we call through it
  const tree = await openTree({ ...config, clock, random, emit });
  const remedies = config.service === undefined ? byRow : byVariables;
  const aliases = new Set(ownNames());
  const registry = new TreeRegistry({ tree, dialects, force: config.force, aliases, remedies, clock, random, emit });
  const registries = await openRegistries(registry, config.registries, { ...config, clock, random, emit, dialects });
  const own = await ownRoute(config, clock);
  if (own?.warning !== undefined) warn(own.warning);
  foreignAddresses(config.announcements, machineAddresses()).forEach(warn);
  const ownHost = own?.host;
  const announcements = makeAnnouncements({ config, ownHost: ownHost ?? '127.0.0.1', tree, registry, clock, random, emit });
  const listeners: ListenerView[] = [];
  const isOwnListener = ownListeners(() => listeners.map(({ at }) => at), machineAddresses);
  const calling = makeCalling({
    config,
    registry: registries,
    ownHost,
    clock,
    random,
    emit,
    isOwnListener,
    traced: () => log.wants('trace'),
  });

  const { discovery, proxy, sweeper, checker, callerZones, snapshot } = calling;

  // what can change while it runs
  const settings = new Reload({
    ...{ config, load: loadAgain, clock, emit },
    setLevel(next, before) {
      if (next.logLevel !== before.logLevel) log.setLevel(next.logLevel);
    },
    async apply(next, before) {
      next.announcements.forEach(({ weight }, index) => {
        if (weight !== before.announcements[index]!.weight) announcements[index]!.setWeight(weight);
      });
      await calling.reload(next);
    },
  });
  const stopFollowing =
    loadAgain && followFile(config.config!, readTextFile, clock, loaded, () => void settings.again('the file has changed'));

  // the order of stopping
  let child: Child | undefined;
  let isNews = false; // there was something to withdraw
  const listening: Listening[] = [];
  const lifecycle = new Lifecycle(
    {
      withdraw() {
        isNews = announcements.some(({ stands }) => stands);
        tree.hurry?.();
        for (const announcement of announcements) announcement.drain();
        const heardOf = announcements.filter(({ everWanted }) => everWanted).map((announcement) => announcement.withdrawn());
        return heardOf.length === 0 ? undefined : Promise.all(heardOf).then(() => undefined);
      },
      async spread(withinMs) {
        if (!isNews) return;
        const began = clock.now();
        const { servers = 0, behind = [] } = (await tree.spread?.(withinMs).catch(() => undefined)) ?? {};
        if (servers > 0) emit({ kind: 'withdrawal_spread', servers, behind: behind.join(', '), ms: clock.now() - began });
      },
      drainOutbound: () => proxy.drain(),
      outbound: () => proxy.quiet(),
      child: () => child,
      async close() {
        stopFollowing?.();
        await proxy.close();
        sweeper.stop();
        checker.stop();
        await snapshot?.stop();
        discovery.stop();
        callerZones.stop();
        await Promise.all(announcements.map((announcement) => announcement.stop()));
        await Promise.all([tree.close(), registries.close()]);
        await Promise.all(listening.map((each) => each.close()));
        floods.flush();
      },
    },
    { drainWaitMs: config.drainWait ?? 0, graceMs: config.grace },
    clock,
    emit,
  );

  // what people and clusters may ask
  const tellOpen = (what: (LifecycleFact & { kind: 'listening' })['what'], at: string, upstream?: string, tcp = false): void => {
    listeners.push({ what: upstream === undefined ? what : `${upstream}${tcp ? ' (tcp)' : ''}`, at });
    emit({ kind: 'listening', what, at, ...(upstream !== undefined && { upstream }) });
  };
  const views: Views = {
    process: () => ({ version, phase: lifecycle.phase, startedAt: startedWall }),
    listeners: () => listeners,
    upstreams: () => discovery.upstreams(),
    listOf: (name) => discovery.listOf(name),
    notesOf: (name) => discovery.notesOf(name),
    announcements: () => announcements.map((announcement) => announcement.view()),
    session: () => {
      const others = registries.sessions().map((one) => ({ ...one, trouble: sessionTrouble.of(one.registry) }));
      const own = { ...tree.session, server: tree.session.server ?? null, trouble: sessionTrouble.of() };
      return { ...own, ...(others.length > 0 && { others }) };
    },
    config: () => effective(settings.config),
    reload: () => settings.view(),
    events: () => ring.list(),
    rehearse: (call) => proxy.rehearse(call, (name, absolute) => discovery.peek(name, absolute)),
    lastCalls: () => proxy.lastCalls.list(),
  };
  const changes: Changes = {
    setAnnouncement(change) {
      const spoken = config.announcements.map(({ dialect }) => dialects.get(dialect)!);
      const mute = 'weight' in change ? spoken.find(({ weights }) => !weights.fits(change.weight)) : undefined;
      if ('weight' in change && mute)
        return { refused: `weight ${change.weight}: the dialect ${mute.name} takes ${mute.weights.accepts}` };
      for (const announcement of announcements) {
        if ('weight' in change) announcement.setWeight(change.weight);
        else if (change.status === 'drain') announcement.drain();
      }
      return 'status' in change && change.status === 'up' ? changes.undrain() : undefined;
    },
    async drain({ wait }) {
      const drained = lifecycle.drain();
      if (wait) await drained;
    },
    undrain() {
      if (lifecycle.phase !== 'ready') return { refused: `the sidecar is ${lifecycle.phase}: it announces nobody any more` };
      lifecycle.undrained();
      for (const announcement of announcements) announcement.undrain();
      return undefined;
    },
    overrule: (name, what) => discovery.overrule(name, what),
    shutdown: () => void lifecycle.stop('SIGTERM', 'asked for by the admin'),
    setLogLevel: (level) => log.setLevel(level),
  };
  const ready = (): ReturnType<typeof readiness> =>
    readiness({
      outboundOpen: lifecycle.phase !== 'starting',
      closing: lifecycle.closing,
      waitingFor: config.upstreams.named.filter(({ name }) => !discovery.isListed(name)).map(({ name }) => name),
      waitedMs: clock.now() - startedAt,
      startWaitMs: config.startWait,
    });

  const identity = (): readonly Identity[] => announcements.map((one) => one.identity(one.view().path));

  // the order of starting: who asks, whom we call, and last of all the prober, so that nobody hears of an app whose sidecar is not there
  try {
    listening.push(await serveAdmin(views, changes, config.admin, emit));
    for (const at of listening[0]!.addresses) tellOpen('admin', at);
    listening.push(await serveHealth({ ready, metrics: () => metrics.scrape(), identity }, config.health, emit));
    for (const at of listening[1]!.addresses) tellOpen('health', at);
    await discovery.start();
    sweeper.start();
    for (const { at, upstream, tcp } of await proxy.listen())
      tellOpen(upstream === undefined ? 'outbound' : 'upstream', at, upstream, tcp);
    void discovery.recheck(); // a list may have come before it was known where we listen
  } catch (error) {
    await lifecycle.abandon();
    throw error;
  }
  // it may have been told to stop meanwhile
  if (lifecycle.phase === 'starting') {
    child = startChild?.(emit);
    lifecycle.started();
    for (const announcement of announcements) announcement.start();
  }

  return {
    child,
    stop: (signal, why) => lifecycle.stop(signal, why),
    childEnded: (why) => lifecycle.childEnded(why),
    stopped: lifecycle.stopped,
    reload: loadAgain && ((why) => void settings.again(why)),
  };
}
