/** The shares of weighted round robin as calls meet them, through an upstream: exact, whoever joins, leaves, is ejected, broken or weighed anew. */
import { deepEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeBalancer } from '../../lb/balancing.js';
import type { Endpoint } from '../../lb/endpoint.js';
import { failed, type Outcome } from '../../lb/outcome.js';
import { seeded } from '../support/random.js';
import { fc } from '../support/fast-check.js';
import { orders } from './orders.js';
import { endpoint, tally } from './seats.js';

type Step = {
  readonly what: 'join' | 'leave' | 'eject' | 'break' | 'weigh' | 'rest';
  readonly of: number;
  readonly weight: number;
};

const ids = 'abcdefgh'.split('');
const answered = (status: number): Outcome => ({ kind: 'success', status, ms: 1 });
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('join', 'leave', 'eject', 'break', 'weigh', 'rest'),
  of: fc.nat(ids.length - 1),
  weight: fc.integer({ min: 1, max: 9 }),
});

describe('the shares of weighted round robin, through an upstream', () => {
  it('are within a turn of what is due right after a change, and exact from the second round on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer(), async (steps, seed) => {
        const random = seeded(seed);
        const balancer = makeBalancer({ policy: 'weighted_round_robin', random, subsets: { otherwise: 'none' } });
        const slowStart = { durationMs: undefined, from: 1 };
        const { upstream, clock } = orders(undefined, { random, failures: 5, more: { balancer, slowStart } });
        let list: Endpoint[] = [endpoint('a', 5), endpoint('b', 1), endpoint('c', 1)];
        upstream.update(list);
        const call = (outcomeOf: (id: string) => Outcome = () => answered(200)): string => {
          const lease = upstream.acquire({ tried: [] });
          if (typeof lease === 'string') throw new Error(lease);
          lease.answered(outcomeOf(lease.endpoint.id));
          lease.release();
          return lease.endpoint.id;
        };
        /** Until this one is out, if it may be: it answers so, and the others well. */
        const until = (id: string, outcome: Outcome): void => {
          for (let turn = 0; turn < 500 && inUse().some((one) => one.id === id); turn++)
            call((called) => (called === id ? outcome : answered(200)));
        };
        const inUse = (): Endpoint[] => {
          const out = new Set(upstream.explain().flatMap(({ id, share }) => (share === 0 ? [id] : [])));
          return list.filter(({ id }) => !out.has(id));
        };
        for (const { what, of, weight } of [...steps, { what: 'rest', of: 0, weight: 1 } as const]) {
          const id = ids[of]!;
          const others = list.filter((one) => one.id !== id);
          if (what === 'join' || (what === 'weigh' && others.length < list.length)) list = [...others, endpoint(id, weight)];
          else if (what === 'leave' && others.length > 0) list = others;
          else if (what === 'eject') until(id, answered(503));
          else if (what === 'break' && inUse().length > 1) until(id, failed('reset', 1));
          else if (what === 'rest') {
            await clock.advance(300_000); // all are in again, after a trial
            for (let turn = 0; turn < 200; turn++) call();
          }
          upstream.update(list);
          const used = inUse();
          const round = used.reduce((sum, one) => sum + one.weight, 0);
          const first = tally(Array.from({ length: round }, () => call()));
          for (const { id: one, weight: due } of used)
            ok(Math.abs((first[one] ?? 0) - due) <= 1, `${what} ${id}: ${one} had ${first[one] ?? 0} of ${round}, due ${due}`);
          const counts = tally(Array.from({ length: 10 * round }, () => call()));
          deepEqual(counts, Object.fromEntries(used.map((one) => [one.id, 10 * one.weight]).sort()));
        }
      }),
      { numRuns: 30 },
    );
  });
});
