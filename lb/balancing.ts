/**
 * Puts the balancer of an upstream together out of what a user has set: subsets, around a split by a label, around zones, around a policy.
 * Each is a balancer of balancers and knows nothing of the others.
 *
 *     call ─▶ subset asked for? ─▶ split by a label ─▶ zone ─▶ policy ─▶ seat
 *                  └ a balancer of its own ─────────▶ zone ─▶ policy ─▶ seat
 */
import type { Balancer } from './balancer.js';
import { policies, type PolicyName, type PolicyParts } from './policies.js';
import type { Random } from './ports.js';
import { Split, type SplitRule } from './split.js';
import { Subsets, type SubsetRules } from './subsets.js';
import { ZoneAware, type ZoneRules } from './zone-aware.js';

export interface Balancing extends PolicyParts {
  readonly policy: PolicyName;
  readonly random: Random;
  /** Absent: zones do not matter. */
  readonly zone?: Omit<ZoneRules, 'random'> | undefined;
  readonly split?: SplitRule | undefined;
  readonly subsets: SubsetRules;
}

export function makeBalancer({ policy, random, zone, split, subsets, ...parts }: Balancing): Balancer {
  const byPolicy = (): Balancer => policies[policy](random, parts);
  const byZone = (): Balancer => (zone === undefined ? byPolicy() : new ZoneAware({ ...zone, random }, byPolicy));
  return new Subsets(subsets, split === undefined ? byZone() : new Split(split, byZone, random), byZone);
}
