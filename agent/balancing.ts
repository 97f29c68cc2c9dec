/** The balancer of a peer as its settings have it, and what of a call it goes by. */
import type { Balancer } from '../lb/balancer.js';
import { makeBalancer } from '../lb/balancing.js';
import type { HashOn } from '../lb/hash-key.js';
import { hashOf } from '../lb/hashing.js';
import { goesByKey } from '../lb/policies.js';
import type { PanicOptions } from '../lb/panic.js';
import type { UpstreamStats } from '../lb/stats.js';
import type { Subset } from '../lb/subset.js';
import type { SubsetRules } from '../lb/subsets.js';
import type { ZoneRules } from '../lb/zone-aware.js';
import type { UpstreamSettings } from './config/schema.js';
import type { Emit } from './events.js';
import type { Clock, Random } from './system.js';

export interface BalancingParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Where we are; undefined: nobody said. */
  readonly zone: string | undefined;
  readonly callers: ZoneRules['callers'];
  /** The counts of the upstream, which is made after its balancer. */
  readonly stats: () => UpstreamStats;
  readonly subsets: SubsetRules;
}

export function balancerFor({ policy, hashLoad, split, zoneAware }: UpstreamSettings, parts: BalancingParts): Balancer {
  const { clock, random, zone, callers, stats, subsets } = parts;
  return makeBalancer({
    policy,
    random,
    mostLoad: hashLoad && hashLoad / 100,
    inFlight: () => stats().inFlight,
    later: (ms, run) => clock.after(ms, run),
    zone: zone !== undefined && zoneAware ? { own: zone, callers } : undefined,
    split,
    subsets,
  });
}

/** What of its settings a balancer is made of; the rest it reads with each use. */
export const balancingOf = ({ policy, hashLoad, split, zoneAware }: UpstreamSettings): unknown => [
  ...[policy, goesByKey(policy) ? hashLoad : undefined, split, zoneAware],
];

/** Which subset a call is held to: what of its rules a reload may write, as the balancer reads it with each use. */
export interface HeldTo {
  standard: Subset | undefined;
  otherwise: SubsetRules['otherwise'];
}

export const subsetRules = (
  upstream: string,
  { subset, subsetFallback }: UpstreamSettings,
  { panic, stats, emit }: Pick<BalancingParts, 'stats'> & { readonly panic: PanicOptions; readonly emit: Emit },
): SubsetRules & HeldTo => ({
  standard: subset,
  otherwise: subsetFallback,
  panic,
  dropped: () => stats().subsetsDropped++,
  panicked: (of, began, well, total, why) =>
    emit({ kind: began ? 'panic_began' : 'panic_ended', upstream, subset: of, well, total, ...(why !== undefined && { why }) }),
});

/** `own`: who we are to those who go by the source of a call. Undefined: the policy does not ask. */
export function hashOnOf({ policy, hashKey }: UpstreamSettings, own: string): HashOn | undefined {
  if (!goesByKey(policy)) return undefined;
  if (hashKey.by === 'path') return { by: 'path' };
  if (hashKey.by === 'source') return { by: 'source', own: hashOf(own) };
  const { by, name } = hashKey;
  return { by, name, bytes: Buffer.from(by === 'cookie' ? `${name}=` : name) };
}
