/** The policies a user can name in ZIDECAR_POLICY. Adding one is a file and a line here. */
import type { Balancer } from './balancer.js';
import { HashBalancer, type HashParts } from './hash-balancer.js';
import { LeastRequest } from './least-request.js';
import { maglev } from './maglev.js';
import { PeakEwma } from './peak-ewma.js';
import type { Random } from './ports.js';
import { WeightedRandom } from './random.js';
import { ring } from './ring.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

export type PolicyName =
  'round_robin' | 'weighted_round_robin' | 'least_request' | 'peak_ewma' | 'random' | 'ring_hash' | 'maglev';

/** What the hash policies need beside chance. Absent: no bound, and tables are made at once. */
export interface PolicyParts extends Partial<Omit<HashParts, 'random'>> {
  /** Slots of Maglev's table, a prime number. Absent: the usual size. */
  readonly maglevSize?: number | undefined;
}

export const policies: Readonly<Record<PolicyName, (random: Random, parts?: PolicyParts) => Balancer>> = {
  round_robin: (random) => new WeightedRoundRobin(random, { evenly: true }),
  weighted_round_robin: (random) => new WeightedRoundRobin(random),
  least_request: (random) => new LeastRequest(random),
  peak_ewma: (random) => new PeakEwma(random),
  random: (random) => new WeightedRandom(random),
  ring_hash: (random, parts) => new HashBalancer(ring, { random, ...parts }),
  maglev: (random, parts) => new HashBalancer((entries) => maglev(entries, parts?.maglevSize), { random, ...parts }),
};

/** They need to know what of a call to go by. */
export const goesByKey = (policy: PolicyName): boolean => policy === 'ring_hash' || policy === 'maglev';
