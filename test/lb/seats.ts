/** Seats and endpoints for the balancers' tests. */
import type { Seat } from '../../lb/balancer.js';
import type { Balancer } from '../../lb/balancer.js';
import type { Endpoint } from '../../lb/endpoint.js';

export const endpoint = (id: string, weight = 1, port = 8080): Endpoint => ({ id, host: '10.0.0.1', port, weight, meta: {} });
export const seat = (id: string, weight = 1): Seat => ({ endpoint: endpoint(id, weight), active: 0, eligible: true, weight });

/** The ids of the next picks, `-` where nobody was picked. */
export const picks = (balancer: Balancer, count: number, tried: readonly string[] = []): string[] =>
  Array.from({ length: count }, () => balancer.pick({ tried }, 0)?.endpoint.id ?? '-');

export const tally = (ids: readonly string[]): Record<string, number> => {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
};
