import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failures, type FailureCode } from '../../lb/errors.js';
import { latencyBounds, UpstreamStats } from '../../lb/stats.js';

describe('stats', () => {
  it('counts answers by class and refusals by code', () => {
    const stats = new UpstreamStats();
    for (const result of [200, 204, 302, 404, 500, 'no_endpoints', 'no_endpoints', 'cut'] as const) stats.ended(result, 1);
    deepEqual(Object.fromEntries(stats.calls), { '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 1, no_endpoints: 2, cut: 1 });
  });

  it('counts as lost a 5xx of ours and a cut; not an answer of an endpoint, nor what the app did itself', () => {
    const lost = (result: number | FailureCode): number => {
      const stats = new UpstreamStats();
      stats.ended(result, 1);
      return stats.lost;
    };
    equal(lost(500), 0);
    const kept = (Object.keys(failures) as FailureCode[]).filter((code) => lost(code) === 0);
    deepEqual(kept.sort(), [
      'bad_request',
      'client_body_timeout',
      'client_gone',
      'connect_method',
      'head_too_large',
      'header_timeout',
      'tunnel_idle',
      'unknown_upstream',
    ]);
  });

  it('puts each latency into one bucket, a bound into its own', () => {
    const stats = new UpstreamStats();
    for (const ms of [0, 1, 1.1, 60_000, 60_001]) stats.ended(200, ms);
    equal(stats.latency.length, latencyBounds.length + 1);
    deepEqual([stats.latency[0], stats.latency[1], stats.latency.at(-2), stats.latency.at(-1)], [2, 1, 1, 1]);
  });

  it('has bounds that rise', () => {
    deepEqual(
      latencyBounds,
      [...latencyBounds].sort((a, b) => a - b),
    );
  });
});
