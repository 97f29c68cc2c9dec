import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import type { Seat } from '../../lb/balancer.js';
import { LeastRequest } from '../../lb/least-request.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { WeightedRandom } from '../../lb/random.js';
import { World } from '../simulate/world.js';
import { seeded } from '../support/random.js';
import { picks, seat, tally } from './seats.js';

describe('policies', () => {
  for (const name of Object.keys(policies) as PolicyName[]) {
    it(`${name} picks only who is eligible, weighs something and was not tried, as long as there is one`, () => {
      const row = fc.record({ weight: fc.constantFrom(0, 0.1, 0.7, 1, 5), eligible: fc.boolean(), tried: fc.boolean() });
      fc.assert(
        fc.property(fc.array(row, { maxLength: 8 }), fc.integer(), fc.boolean(), (rows, seed, edge) => {
          const seats = rows.map(({ weight }, index) => seat(`e${index}`, weight));
          const balancer = policies[name](edge ? () => 1 - 2 ** -53 : seeded(seed), { maglevSize: 251 });
          balancer.update(seats);
          balancer.pick({ tried: [] }, 0);
          rows.forEach(({ eligible }, index) => {
            seats[index]!.eligible = eligible;
            balancer.changed(seats[index]!);
          });
          const tried = seats.filter((_, index) => rows[index]!.tried).map(({ endpoint }) => endpoint.id);
          const allowed = seats.filter(
            ({ eligible, weight, endpoint }) => eligible && weight > 0 && !tried.includes(endpoint.id),
          );
          for (let turn = 0; turn < 20; turn++) {
            const picked = balancer.pick({ tried }, 0);
            if (allowed.length === 0) equal(picked, undefined);
            else ok(picked && allowed.includes(picked), `${picked?.endpoint.id ?? 'nobody'} of ${allowed.length}`);
          }
        }),
        { numRuns: 500 },
      );
    });
  }
});

describe('weighted random', () => {
  it('draws in proportion to the weights', () => {
    const balancer = new WeightedRandom(seeded(7));
    balancer.update([seat('a', 5), seat('b', 1), seat('c', 1)]);
    const { a, b, c } = tally(picks(balancer, 7_000));
    ok(Math.abs(a! - 5_000) < 200 && Math.abs(b! - 1_000) < 150 && Math.abs(c! - 1_000) < 150, `${a} ${b} ${c}`);
  });

  it('keeps the others in proportion when one was tried', () => {
    const balancer = new WeightedRandom(seeded(7));
    balancer.update([seat('a', 3), seat('b', 9), seat('c', 1)]);
    const { a, b, c } = tally(picks(balancer, 4_000, ['b']));
    deepEqual([b, Math.abs(a! - 3_000) < 150, a! + c!], [undefined, true, 4_000]);
  });
});

describe('two choices', () => {
  // Mitzenmacher: as many balls as bins, the fullest has ln ln n / ln 2 + O(1) by two choices, ln n / ln ln n by one
  it('leave the fullest of 10,000 with four of 10,000 calls, where chance alone leaves it with seven', () => {
    const most = (name: PolicyName): number => {
      const seats = Array.from({ length: 10_000 }, (_, index) => seat(`e${index}`));
      const balancer = policies[name](seeded(3));
      balancer.update(seats);
      for (let ball = 0; ball < seats.length; ball++) balancer.pick({ tried: [] }, 0)!.active++;
      return seats.reduce((fullest, { active }) => Math.max(fullest, active), 0);
    };
    const [two, one] = [most('least_request'), most('random')];
    ok(two <= Math.log(Math.log(10_000)) / Math.LN2 + 1 && one >= 6, `${two} and ${one}`);
  });

  // Vvedenskaya, Dobrushin, Karpelevich (1996), and Mitzenmacher: at load r, r ** (2 ** k - 1) of the queues have k calls or more; by chance, r ** k
  it('leave as many of 1,000 queues with k calls as the supermarket model says', () => {
    const world = new World(6);
    const load = 0.9;
    const seats = Array.from({ length: 1_000 }, (_, index) => seat(`e${index}`));
    const balancer = policies.least_request(world.random);
    balancer.update(seats);
    const serve = (one: Seat): void => void world.after(world.exponential(1), () => --one.active > 0 && serve(one));
    const arrive = (): void => {
      const one = balancer.pick({ tried: [] }, 0)!;
      if (++one.active === 1) serve(one);
      world.after(world.exponential(1 / (load * seats.length)), arrive);
    };
    arrive();
    const found = [0, 0, 0, 0, 0, 0];
    const samples = 20;
    for (let sample = 0; sample < samples; sample++) {
      world.run(30 + sample);
      for (const k of found.keys()) found[k]! += seats.filter(({ active }) => active >= k).length / seats.length / samples;
    }
    for (const [k, share] of found.entries()) {
      const due = load ** (2 ** k - 1);
      ok(Math.abs(share - due) < 0.03, `${k}: ${share} where ${due} is due`);
    }
  });
});

describe('least request', () => {
  const of = (draws: number[]): LeastRequest => new LeastRequest(() => draws.shift()!);

  it('takes, of two drawn, the one with fewer calls, and of two that carry alike the first', () => {
    const balancer = of([0, 0, 0.9, 0, 0.9, 0.9, 0]); // one that is drawn twice is drawn again
    const [a, b] = [seat('a'), seat('b')];
    balancer.update([a, b]);
    a.active = 3;
    deepEqual(picks(balancer, 2), ['b', 'b']);
    a.active = 0;
    deepEqual(picks(balancer, 1), ['b']);
  });

  it('lets a heavier one carry more calls before it counts as busier', () => {
    const balancer = of([0, 0.5, 0, 0.5]);
    const [a, b] = [seat('a', 5), seat('b', 1)];
    balancer.update([a, b]);
    [a.active, b.active] = [4, 1];
    deepEqual(picks(balancer, 1), ['a']); // 4 of 5 against 1 of 1
    a.active = 6;
    deepEqual(picks(balancer, 1), ['b']);
  });

  it('gives idle ones calls in proportion to their weights, so that a light one is not starved', () => {
    const balancer = new LeastRequest(seeded(5));
    balancer.update([seat('a', 5), seat('b', 1)]);
    const { a, b } = tally(picks(balancer, 6_000));
    ok(Math.abs(a! - 5_000) < 150 && Math.abs(b! - 1_000) < 150, `${a} ${b}`);
  });

  it('gives everybody calls when all are idle', () => {
    const balancer = new LeastRequest(seeded(3));
    balancer.update(['a', 'b', 'c', 'd'].map((id) => seat(id)));
    for (const count of Object.values(tally(picks(balancer, 4_000)))) ok(Math.abs(count - 1_000) < 150, String(count));
  });
});
