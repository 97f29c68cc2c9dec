/** An upstream of `orders` for tests: two failures open a circuit, for 1, 2 and at most 4 seconds. */
import type { Ask } from '../../lb/balancer.js';
import { defaultBreaker, type BreakerOptions } from '../../lb/breaker.js';
import type { Endpoint } from '../../lb/endpoint.js';
import type { LbFact } from '../../lb/facts.js';
import { defaultLimits } from '../../lb/limits.js';
import type { Lease } from '../../lb/lease.js';
import { failed, type Outcome } from '../../lb/outcome.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { Upstream, type UpstreamParts } from '../../lb/upstream.js';
import { FakeClock } from '../support/clock.js';
import { endpoint } from './seats.js';

export const good: Outcome = { kind: 'success', ms: 1 };
export const bad = failed('connect_refused', 1);
const breaker: BreakerOptions = { ...defaultBreaker, failures: 2, openMs: 1_000, maxOpenMs: 4_000, jitter: 0 };

interface Setup {
  readonly policy?: PolicyName;
  readonly maxInFlight?: number;
  readonly random?: () => number;
  readonly failures?: number;
  readonly more?: Partial<UpstreamParts>;
}
/** An upstream with a clock to turn, everything it has told, and short ways to call it. */
export const orders = (
  list?: readonly Endpoint[],
  { policy = 'weighted_round_robin', maxInFlight = 1024, random = () => 0, failures = 2, more = {} }: Setup = {},
) => {
  const clock = new FakeClock();
  const facts: LbFact[] = [];
  const emit = (fact: LbFact): void => void facts.push(fact);
  const limits = { ...defaultLimits, requests: maxInFlight, pending: maxInFlight };
  const parts = {
    balancer: policies[policy](random, { maglevSize: 1_009 }),
    clock,
    random,
    emit,
    limits,
    ...more,
    source: '/services/orders',
  };
  const upstream = new Upstream('orders', { ...parts, breaker: { ...breaker, failures } });
  if (list) upstream.update(list);
  const lease = (ask: Partial<Ask> = {}): Lease => {
    const got = upstream.acquire({ tried: [], ...ask });
    if (typeof got === 'string') throw new Error(got);
    return got;
  };
  const call = (outcome: Outcome = good, ask: Partial<Ask> = {}): string => {
    const got = upstream.acquire({ tried: [], ...ask });
    if (typeof got === 'string') return got;
    got.answered(outcome);
    got.release();
    return got.endpoint.id;
  };
  const calls = (count: number, outcome?: Outcome): string => Array.from({ length: count }, () => call(outcome)).join(' ');
  const told = (kind: LbFact['kind']) => facts.filter((fact) => fact.kind === kind);
  return { upstream, clock, facts, lease, call, calls, told };
};
/** One endpoint of weight 1 for each letter. */
export const abc = (ids: string): Endpoint[] => ids.split('').map((id) => endpoint(id));
