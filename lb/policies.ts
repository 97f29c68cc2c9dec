import type { Balancer } from './balancer.js';
import type { Random } from './ports.js';

export type PolicyName = 'weighted_round_robin' | 'round_robin' | 'least_request' | 'random';

/** The policies a user can name in ZIDECAR_POLICY. Adding one is a file and a line here. */
export const policies: Readonly<Record<PolicyName, (random: Random) => Balancer>> = {
  weighted_round_robin: notYet,
  round_robin: notYet,
  least_request: notYet,
  random: notYet,
};

function notYet(): Balancer {
  throw new Error('not yet');
}
