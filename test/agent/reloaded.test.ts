/** What a reload changes of an upstream that is there already: its parts hold on to the options that they were made with. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { makeCalling } from '../../agent/calling.js';
import type { InstanceList } from '../../agent/registry/registry.js';
import { failed, type Outcome } from '../../lb/outcome.js';
import type { Upstream } from '../../lb/upstream.js';
import { FakeClock } from '../support/clock.js';
import { load, zk } from '../support/load-config.js';

interface Following {
  readonly upstream: Upstream;
  readonly reload: (settings: string) => Promise<void>;
}

function following(t: TestContext, first = 'panic: 1'): Following {
  const clock = new FakeClock();
  const config = (settings: string) => load({ ...zk, ZIDECAR_SNAPSHOT: 'off' }, `upstreams: { orders: { ${settings} } }`);
  let tell: (list: InstanceList) => void = () => undefined;
  const calling = makeCalling({
    ...{ config: config(first), ownHost: undefined, clock, random: () => 0, emit: () => undefined },
    ...{ isOwnListener: () => false, traced: () => false },
    registry: { watch: (_name, _source, told) => ((tell = told), () => undefined), names: async () => new Set() },
  });
  void calling.discovery.start();
  t.after(() => calling.discovery.stop());
  const instances = ['a', 'b', 'c'].map((id, index) => ({
    ...{ service: 'orders', id, host: '127.0.0.1', port: 8_080 + index, weight: 1, up: true, meta: { version: 'v1' } },
  }));
  tell({ instances, skipped: [], confirmed: true, asOf: clock.wall() });
  const upstream = calling.discovery.lookup('orders');
  ok(!('code' in upstream));
  return { upstream, reload: (settings) => calling.reload(config(settings)) };
}

const call = (upstream: Upstream, outcome: Outcome): void => {
  const lease = upstream.acquire({ tried: [] });
  ok(typeof lease !== 'string');
  lease.answered(outcome);
  lease.release();
};
const refused = failed('connect_refused', 1);
const busy: Outcome = { kind: 'success', ms: 1, status: 503 };

describe('a reload reaches the upstream that is there already', () => {
  it('with how many calls it may have, and that this is only counted', async (t) => {
    const { upstream, reload } = following(t);
    const calls = (): readonly string[] => {
      const leases = [upstream.acquire({ tried: [] }), upstream.acquire({ tried: [] })];
      return leases.map((lease) => (typeof lease === 'string' ? lease : (lease.release(), 'sent')));
    };
    deepEqual(calls(), ['sent', 'sent']);
    await reload('maxRequests: 1');
    deepEqual(calls(), ['sent', 'overflow']);
    await reload('maxRequests: 1, shadow: limits');
    deepEqual(calls(), ['sent', 'sent']);
  });

  for (const [what, settings, outcome, state] of [
    ['a circuit', 'circuitFailures: 1', refused, 'open'],
    ['an ejection', 'outlierFailures: 1', busy, 'ejected'],
  ] as const)
    it(`with how many failures make ${what}`, async (t) => {
      const { upstream, reload } = following(t);
      call(upstream, outcome);
      equal(upstream.states()[state], 0);
      await reload(settings);
      call(upstream, outcome);
      equal(upstream.states()[state], 1);
    });

  it('with the share of well endpoints below which opinions do not count', async (t) => {
    const { upstream, reload } = following(t);
    await reload('outlierFailures: 1, panic: 1');
    call(upstream, busy);
    equal(upstream.verdict().panic, false);
    await reload('outlierFailures: 1, panic: 100');
    equal(upstream.verdict().panic, true);
  });
});

describe('a reload of panic, a subset, or what another policy goes by', () => {
  it('leaves each endpoint its turn', async (t) => {
    const { upstream, reload } = following(t, 'policy: weighted_round_robin, panic: 50');
    const next = (): string => {
      const lease = upstream.acquire({ tried: [] });
      if (typeof lease === 'string') return lease;
      lease.release();
      return lease.endpoint.id;
    };
    const round = [next(), next(), next()];
    for (const more of ['panic: 10', 'hashLoad: 200', 'subsetFallback: any', '']) {
      equal(next(), round[0]);
      await reload(`policy: weighted_round_robin, ${more}`);
      deepEqual([next(), next()], round.slice(1), more);
    }
  });
});
