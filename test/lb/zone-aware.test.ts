import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Balancer, Seat } from '../../lb/balancer.js';
import { sharesOf } from '../../lb/balancer.js';
import { policies, type PolicyName } from '../../lb/policies.js';
import { ZoneAware } from '../../lb/zone-aware.js';
import { fc } from '../support/fast-check.js';
import { seeded } from '../support/random.js';
import { orders } from './orders.js';
import { seat, tally } from './seats.js';

const inZone = (zone: string | undefined, index: number, weight = 1): Seat => {
  const one = seat(`${zone ?? 'none'}${index}`, weight);
  return zone === undefined ? one : { ...one, endpoint: { ...one.endpoint, zone } };
};
/** `{a: 3, b: 2}`: three endpoints in zone a, two in zone b. */
const fleet = (counts: Readonly<Record<string, number>>): Seat[] =>
  Object.entries(counts).flatMap(([zone, count]) => Array.from({ length: count }, (_, index) => inZone(zone, index)));
const zones = (seats: Iterable<Seat | undefined>): Record<string, number> =>
  tally(Array.from(seats, (picked) => picked?.endpoint.zone ?? '-'));
const aware = (
  own: string,
  callers?: Readonly<Record<string, number>>,
  policy: PolicyName = 'weighted_round_robin',
): Balancer => {
  const map = callers && new Map(Object.entries(callers));
  return new ZoneAware({ own, random: seeded(1), callers: () => map }, () => policies[policy](seeded(2)));
};
const calls = (balancer: Balancer, count: number): Record<string, number> =>
  zones(Array.from({ length: count }, () => balancer.pick({ tried: [] }, 0)));

describe('zone awareness', () => {
  const rows: readonly [string, Record<string, number>, Record<string, number> | undefined, Record<string, number>][] = [
    ['as many endpoints as callers in each: all stay', { a: 3, b: 3 }, { a: 5, b: 5 }, { a: 1000 }],
    ['more endpoints than callers in ours: all stay', { a: 4, b: 2 }, { a: 5, b: 5 }, { a: 1000 }],
    ['half the endpoints that our callers need: the rest goes over', { a: 2, b: 6 }, { a: 5, b: 5 }, { a: 500, b: 500 }],
    ['spill-over goes where there is room, by how much', { a: 1, b: 4, c: 3 }, { a: 2, b: 1, c: 1 }, { a: 250, b: 500, c: 250 }],
    ['a zone without room gets nothing', { a: 2, b: 2, c: 8 }, { a: 1, b: 1, c: 1 }, { a: 500, c: 500 }],
    ['nobody knows the callers: as many in each zone with endpoints', { a: 2, b: 6 }, undefined, { a: 500, b: 500 }],
    ['callers where no endpoints are fill up the others', { a: 3, b: 3 }, { a: 2, b: 1, c: 1 }, { a: 1000 }],
    ['fewer than six endpoints: zones do not matter', { a: 2, b: 3 }, undefined, { a: 400, b: 600 }],
    ['nobody in ours: zones do not matter', { b: 4, c: 4 }, undefined, { b: 500, c: 500 }],
  ];
  for (const [what, endpoints, callers, expected] of rows) {
    it(`follows Envoy's rule where there are ${what}`, () => {
      const balancer = aware('a', callers);
      balancer.update(fleet(endpoints));
      deepEqual(calls(balancer, 1_000), expected);
    });
  }

  it('loads no endpoint more than any other once all callers of all zones are added up, as far as zones have callers', () => {
    const count = fc.integer({ min: 1, max: 6 });
    const counts = fc.record({ a: count, b: count, c: count });
    fc.assert(
      fc.property(counts, counts, (endpoints, callers) => {
        const total = endpoints.a + endpoints.b + endpoints.c;
        if (total < 6) return;
        const load = new Map<string, number>();
        for (const [own, many] of Object.entries(callers)) {
          const balancer = aware(own, callers);
          const seats = fleet(endpoints);
          balancer.update(seats);
          for (const [{ endpoint }, share] of sharesOf(balancer, seats))
            load.set(endpoint.id, (load.get(endpoint.id) ?? 0) + share * many);
        }
        const fair = (callers.a + callers.b + callers.c) / total;
        for (const [id, got] of load) ok(got <= fair * 1.000_001, `${id} gets ${got} where ${fair} is fair`);
      }),
    );
  });

  it('lets calls go over as soon as endpoints of ours are out, and back when they are well', () => {
    const balancer = aware('a', { a: 1, b: 1 });
    const seats = fleet({ a: 4, b: 4 });
    balancer.update(seats);
    deepEqual(calls(balancer, 100), { a: 100 });
    for (const one of seats.slice(0, 2)) {
      one.eligible = false;
      balancer.changed(one);
    }
    // 2 of 6 are here, and half the callers
    const { a, b } = calls(balancer, 600);
    deepEqual([a, b], [400, 200]);
    for (const one of seats.slice(0, 4)) {
      one.eligible = false;
      balancer.changed(one);
    }
    deepEqual(calls(balancer, 100), { b: 100 });
    for (const one of seats) {
      one.eligible = true;
      balancer.changed(one);
    }
    deepEqual(calls(balancer, 100), { a: 100 });
  });

  it('goes to another zone for a call that has been to all of ours', () => {
    const balancer = aware('a');
    balancer.update(fleet({ a: 3, b: 3 }));
    equal(balancer.pick({ tried: ['a0', 'a1', 'a2'] }, 0)!.endpoint.zone, 'b');
  });

  it('goes to another zone for a call that has failed twice, since the zone may have failed with them', () => {
    const balancer = aware('a');
    balancer.update(fleet({ a: 4, b: 4 }));
    equal(balancer.pick({ tried: ['a0'] }, 0)!.endpoint.zone, 'a');
    for (let call = 0; call < 20; call++) equal(balancer.pick({ tried: ['a0', 'a1'] }, 0)!.endpoint.zone, 'b');
    equal(balancer.pick({ tried: ['b0', 'b1', 'b2', 'b3'] }, 0)!.endpoint.zone, 'a');
  });

  it('keeps a key on its endpoint, under a hash policy', () => {
    const [one, other] = [aware('a', undefined, 'maglev'), aware('a', undefined, 'maglev')];
    for (const balancer of [one, other]) balancer.update(fleet({ a: 2, b: 6 }));
    const ids = (balancer: Balancer): (string | undefined)[] =>
      Array.from({ length: 200 }, (_, key) => balancer.pick({ tried: [], key: key * 7_919 * 65_537 }, 0)?.endpoint.id);
    deepEqual(ids(one), ids(other));
  });

  it('tells seventeen zones and a thousand apart as one bound has it, and loses nobody', () => {
    const seats = Array.from({ length: 1_000 }, (_, index) => inZone(index < 10 ? 'a' : `z${index}`, index));
    const balancer = aware('a', { a: 1, elsewhere: 9 });
    balancer.update(seats);
    const shares = sharesOf(balancer, seats);
    ok(Math.abs([...shares.values()].reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
    equal(shares.size, 1_000);
  });

  it('says of each endpoint what its zone gets', () => {
    const balancer = aware('a');
    const seats = [...fleet({ a: 1, b: 5 }), inZone(undefined, 0), inZone(undefined, 1)];
    balancer.update(seats);
    deepEqual(
      [...new Set(seats.map((one) => balancer.note!(one)))],
      [
        'zone a, which is ours: gets 37.5 % of our calls',
        'zone b: gets 62.5 % of them, as ours has no room for more',
        'of no zone: gets none, as it has no more endpoints than callers',
      ],
    );
    balancer.update(seats.slice(0, 5));
    equal(balancer.note!(seats[0]!), 'zones do not matter while fewer than 6 may be asked');
  });

  it('says of one whose zone gets no calls that it gets none', () => {
    const { upstream } = orders(
      fleet({ a: 4, b: 4 }).map(({ endpoint }) => endpoint),
      { more: { balancer: aware('a') } },
    );
    deepEqual(
      upstream.explain().flatMap(({ share, reason }) => (share === 0 ? reason : [])),
      Array(4).fill('could take calls, and gets none now: weight 1 of 8; zone b: gets none, as ours has room'),
    );
  });
});
