import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultBreaker } from '../../lb/breaker.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { Switch } from '../../lb/switch.js';
import { Upstream } from '../../lb/upstream.js';
import { fc } from '../support/fast-check.js';
import { FakeClock } from '../support/clock.js';
import { abc, bad, good } from './orders.js';

const breaker = { ...defaultBreaker, failures: 2, openMs: 60_000, maxOpenMs: 60_000, jitter: 0 };
const upstreamOf = (policy: PolicyName) => {
  const balancer = new Switch(policies[policy](() => 0));
  const clock = new FakeClock();
  const upstream = new Upstream('orders', { balancer, clock, random: () => 0, emit: () => undefined, breaker });
  const call = (outcome = good): string => {
    const lease = upstream.acquire({ tried: [] });
    if (typeof lease === 'string') return lease;
    lease.answered(outcome);
    lease.release();
    return lease.endpoint.id;
  };
  return { balancer, upstream, call, calls: (count: number) => Array.from({ length: count }, () => call()) };
};
const names = Object.keys(policies) as PolicyName[];

describe('a policy that is changed', () => {
  it('leaves circuits and counts as they are, and calls to those who are well', () => {
    for (const [from, to] of names.flatMap((one) => names.map((other) => [one, other] as const))) {
      const { balancer, upstream, call, calls } = upstreamOf(from);
      upstream.update(abc('a'));
      call(bad);
      call(bad);
      upstream.update(abc('abc'));
      balancer.to(policies[to](() => 0));
      deepEqual(
        [upstream.size, upstream.explain().filter(({ circuit }) => circuit === 'open').length],
        [3, 1],
        `${from} to ${to}`,
      );
      equal(
        calls(40).some((id) => id === 'a' || id.length > 1),
        false,
        `${from} to ${to}`,
      );
    }
  });

  it('goes by the new one from the next call on, whoever joins or leaves later', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.subarray(['a', 'b', 'c', 'd', 'e', 'f'], { minLength: 1 }), (from, left) => {
        const { balancer, upstream, calls } = upstreamOf(from);
        upstream.update(abc('abc'));
        calls(5);
        balancer.to(policies.round_robin(() => 0));
        upstream.update(abc(left.join('')));
        const got = calls(4 * left.length);
        for (const id of left) equal(got.filter((one) => one === id).length, 4);
      }),
    );
  });
});
