/** The balancer of a peer as its settings have it, and what of a call it goes by. */
import type { Balancer } from '../lb/balancer.js';
import { makeBalancer } from '../lb/balancing.js';
import type { HashOn } from '../lb/hash-key.js';
import { hashOf } from '../lb/hashing.js';
import { goesByKey } from '../lb/policies.js';
import type { UpstreamStats } from '../lb/stats.js';
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
  readonly emit: Emit;
}

export function balancerFor(upstream: string, settings: UpstreamSettings, parts: BalancingParts): Balancer {
  const { clock, random, zone, callers, stats, emit } = parts;
  const { policy, hashLoad, subset, subsetFallback, split, zoneAware, panic } = settings;
  return makeBalancer({
    policy,
    random,
    mostLoad: hashLoad && hashLoad / 100,
    inFlight: () => stats().inFlight,
    later: (ms, run) => clock.after(ms, run),
    zone: zone !== undefined && zoneAware ? { own: zone, callers } : undefined,
    split,
    subsets: {
      standard: subset,
      otherwise: subsetFallback,
      dropped: () => stats().subsetsDropped++,
      panic: { percent: panic },
      panicked: (of, began, well, total) =>
        emit({ kind: began ? 'panic_began' : 'panic_ended', upstream, subset: of, well, total }),
    },
  });
}

/** `own`: who we are to those who go by the source of a call. Undefined: the policy does not ask. */
export function hashOnOf({ policy, hashKey }: UpstreamSettings, own: string): HashOn | undefined {
  if (!goesByKey(policy)) return undefined;
  if (hashKey.by === 'path') return { by: 'path' };
  if (hashKey.by === 'source') return { by: 'source', own: hashOf(own) };
  const { by, name } = hashKey;
  return { by, name, bytes: Buffer.from(by === 'cookie' ? `${name}=` : name) };
}
