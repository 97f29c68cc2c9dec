/** The policies a user can name in ZIDECAR_POLICY. Adding one is a file and a line here. */
import type { Balancer } from './balancer.js';
import { LeastRequest } from './least-request.js';
import type { Random } from './ports.js';
import { WeightedRandom } from './random.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

export type PolicyName = 'round_robin' | 'weighted_round_robin' | 'least_request' | 'random';

export const policies: Readonly<Record<PolicyName, (random: Random) => Balancer>> = {
  round_robin: (random) => new WeightedRoundRobin(random, { evenly: true }),
  weighted_round_robin: (random) => new WeightedRoundRobin(random),
  least_request: (random) => new LeastRequest(random),
  random: (random) => new WeightedRandom(random),
};
