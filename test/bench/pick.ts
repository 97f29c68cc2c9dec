/**
 * What choosing an endpoint and giving it back takes, without HTTP: `Upstream.acquire` of the built program, with everything around the
 * policy (circuits, the limit of calls in flight, counts). Rounds over the numbers of endpoints, in this process, and their
 * medians.
 */
import { clock, random } from '../../agent/system.js';
import type { Endpoint } from '../../lb/endpoint.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { Upstream } from '../../lb/upstream.js';
import { median } from './statistics.js';

export interface Pick {
  readonly policy: string;
  readonly endpoints: number;
  readonly ns: number;
}

const COUNTS = [3, 50, 500, 5_000];
const TURNS = 50_000;
const ROUNDS = 9;

export function playPick(): Pick[] {
  const names = Object.keys(policies) as PolicyName[];
  const all = names.flatMap((policy) =>
    COUNTS.map((endpoints) => ({ policy, endpoints, upstream: upstreamOf(policy, endpoints), times: [] as number[] })),
  );
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { upstream, times } of all) {
      const before = process.hrtime.bigint();
      for (let turn = 0; turn < TURNS; turn++) {
        const lease = upstream.acquire({ tried: [] });
        if (typeof lease === 'string') throw new Error(`no lease: ${lease}`);
        lease.answered({ kind: 'success', ms: 1 });
        lease.release();
      }
      if (round > 0) times.push(Number(process.hrtime.bigint() - before) / TURNS); // the first one compiles
    }
  }
  return all.map(({ policy, endpoints, times }) => ({ policy, endpoints, ns: Math.round(median(times)) }));
}

function upstreamOf(policy: PolicyName, count: number): Upstream {
  const upstream = new Upstream('bench', { balancer: policies[policy](random), clock, random, emit: () => undefined });
  const endpoint = (_: unknown, index: number): Endpoint => ({
    ...{ id: `e${index}`, host: `10.0.${index >> 8}.${index & 255}`, port: 8080, meta: {} },
    weight: 1 + (index % 3),
  });
  upstream.update(Array.from({ length: count }, endpoint));
  return upstream;
}
