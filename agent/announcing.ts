/**
 * Puts together what announces the app: for each service a prober with its verdict, and for each of the dialects in which that service is
 * announced an announcer.
 */
import { allProbes } from '../health/all.js';
import { httpProbe } from '../health/http.js';
import { noProbe } from '../health/none.js';
import type { Probe } from '../health/probe.js';
import { Prober, type ProberView } from '../health/prober.js';
import { tcpProbe } from '../health/tcp.js';
import { Verdict } from '../health/verdict.js';
import { Announcement } from './announcement.js';
import type { Listener } from './config/addresses.js';
import type { Config } from './config/load.js';
import type { Announcement as Announced } from './config/announcements.js';
import type { Emit } from './events.js';
import { instanceId } from './identity.js';
import { Announcer, type AnnouncerView } from './registry/announcer.js';
import type { Instance } from './registry/dialects/dialect.js';
import { dialects } from './registry/dialects/dialects.js';
import type { Registry } from './registry/registry.js';
import type { Tree } from './registry/tree.js';
import type { Clock, Random } from './system.js';
import { HEALTH_KEY, toldHealthPort } from './trust/who-answers.js';

export type AppAnnouncement = Announcement<AnnouncerView, ProberView>;

export interface AnnouncingParts {
  readonly config: Config;
  /** What peers are told where no setting says it. */
  readonly ownHost: string;
  readonly tree: Tree;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

export function makeAnnouncements(parts: AnnouncingParts): readonly AppAnnouncement[] {
  const { config, ownHost, tree, registry, clock, random, emit } = parts;
  const probers = new Map<Announced['probes'], Prober>();
  for (const announced of config.announcements)
    if (!probers.has(announced.probes)) probers.set(announced.probes, makeProber(announced, parts));
  return config.announcements.map((announced) => {
    const { service, dialect, path, probes } = announced;
    const announcer = new Announcer({ service, source: { dialect, path }, registry, tree, clock, random, emit });
    const marks = dialects.get(dialect)!.drain === 'mark';
    return new Announcement(instanceOf(announced, ownHost, config.health), probers.get(probes)!, announcer, marks);
  });
}

function instanceOf(announced: Announced, ownHost: string, health: readonly Listener[]): Instance {
  const { service, dialect, appPort, advertise, instanceId: id, weight, zone, endpoints, inName } = announced;
  const host = advertise?.host ?? ownHost;
  const port = advertise?.port ?? appPort;
  const place = { service, id: id ?? instanceId(service, host, port), host, port };
  // where a node would have no metadata without it, none is invented: readers of a typed payload throw on a map
  const hasRoom = dialect === 'spring' || weight !== 1 || zone !== undefined || Object.keys(announced.meta).length > 0;
  const told = hasRoom ? toldHealthPort(health, host) : undefined;
  const meta = told === undefined ? announced.meta : { [HEALTH_KEY]: String(told), ...announced.meta };
  const also = { ...(zone !== undefined && { zone }), ...(endpoints && { endpoints }), ...(inName && { inName }) };
  return { ...place, weight, up: true, meta, ...also };
}

function makeProber(announced: Announced, { config, clock, random, emit }: AnnouncingParts): Prober {
  return new Prober({
    service: announced.service,
    probe: allProbes(announced.probes.map((probe) => probeOf(probe, announced))),
    verdict: new Verdict({ rise: config.probeRise, fall: config.probeFall }),
    pace: { intervalMs: config.probeInterval, timeoutMs: config.probeTimeout ?? config.probeInterval },
    clock,
    random,
    emit,
  });
}

function probeOf(probe: Announced['probes'][number], { appHost, appPort }: Announced): Probe {
  switch (probe.kind) {
    case 'http':
      return httpProbe({ url: probe.url });
    case 'tcp':
      return tcpProbe({ host: appHost, port: appPort });
    case 'none':
      return noProbe;
  }
}
