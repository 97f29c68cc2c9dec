import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Seat } from '../../lb/balancer.js';
import type { Endpoint } from '../../lb/endpoint.js';
import type { PolicyName } from '../../lb/policies.js';
import { defaultSlowStart, SlowStart } from '../../lb/slow-start.js';
import { fc } from '../support/fast-check.js';
import { seeded } from '../support/random.js';
import { orders } from './orders.js';
import { endpoint, seat, tally } from './seats.js';

const wall = 1_700_000_000_000;
/** One that registered so long ago, by its own clock. */
const registered = (ageMs: number, more: Partial<Endpoint> = {}): Seat => {
  const one = seat('a');
  return { ...one, endpoint: { ...one.endpoint, since: wall - ageMs, ...more } };
};

const old = (): Seat => registered(3_600_000);

/** The weight of a seat that joins these as time goes on. */
const growth = (one: Seat, times: readonly number[], first = true, peers: readonly Seat[] = [old()]): number[] => {
  const start = new SlowStart(defaultSlowStart, () => undefined);
  start.update([one, ...peers], first ? [one, ...peers] : [one], { now: 0, wall, first });
  return times.map((now) => {
    start.wake(now);
    return one.weight;
  });
};

describe('slow start', () => {
  it('lets one that has just registered begin with a tenth, and grow to its whole weight in 30 s', () => {
    deepEqual(growth(registered(0), [0, 2_999, 3_000, 6_000, 15_000, 26_999, 27_000, 29_999, 30_000, 90_000]), [
      ...[0.1, 0.1, 0.1, 0.2, 0.5, 0.8, 0.9, 0.9, 1, 1],
    ]);
  });

  it('goes by the time of registration, not of our hearing of it', () => {
    deepEqual(growth(registered(15_000), [0, 6_000, 15_000]), [0.5, 0.7, 1]);
    deepEqual(growth(registered(30_000), [0]), [1]);
  });

  it('takes one from the future for new, and not for longer than one that is', () => {
    deepEqual(growth(registered(-3_600_000), [0, 15_000, 30_000]), [0.1, 0.5, 1]);
  });

  it('takes one that does not say when it registered for new when it joins, and for old in the first list', () => {
    deepEqual(growth(seat('a'), [0, 30_000], false), [0.1, 1]);
    deepEqual(growth(seat('a'), [0]), [1]);
  });

  it('is for those who come to others that are warm: who registers within its time of the eldest is as old as the service', () => {
    deepEqual(growth(registered(0), [0], true, [registered(29_999)]), [1]);
    deepEqual(growth(registered(0), [0], true, [registered(30_000)]), [0.1]);
    deepEqual(growth(seat('a'), [0], false, []), [1]);
    deepEqual(growth(registered(0), [0], true, [{ ...old(), endpoint: { ...old().endpoint, weight: 0 } }]), [1]);
  });

  it('lets who has begun go on by another time, and ends for those who have their own at theirs', () => {
    const [one, own] = [registered(0), registered(0, { warmupMs: 600_000 })];
    const options = { ...defaultSlowStart };
    const told: Seat[] = [];
    const start = new SlowStart(options, (seat) => told.push(seat));
    start.update([one, own, old()], [one, own], { now: 0, wall, first: false });
    const weightsIn = (durationMs: number | undefined, now: number): number[] => {
      options.durationMs = durationMs;
      start.retimed(now);
      return [one.weight, own.weight];
    };
    deepEqual(weightsIn(60_000, 15_000), [0.2, 0.1]);
    deepEqual(weightsIn(30_000, 15_000), [0.5, 0.1]);
    deepEqual(weightsIn(undefined, 15_000), [1, 0.1]);
    ok(told.includes(one));
    equal(start.leftMs(one, 15_000), undefined);
    equal(start.leftMs(own, 15_000), 585_000);
  });

  it('lets an instance say itself how long it takes', () => {
    deepEqual(growth(registered(0, { warmupMs: 600_000 }), [0, 30_000, 300_000, 600_000]), [0.1, 0.1, 0.5, 1]);
  });

  it('begins again for one that comes back from an ejection, and tells the balancer', () => {
    const told: number[] = [];
    const one = old();
    const start = new SlowStart(defaultSlowStart, (changed) => told.push(changed.weight));
    start.update([one], [one], { now: 0, wall, first: true });
    start.readmitted(one, 5_000);
    start.wake(20_000);
    deepEqual([told, start.leftMs(one, 20_000)], [[0.1, 0.5], 15_000]);
    start.left(one);
    start.wake(60_000);
    deepEqual([told.length, start.leftMs(one, 60_000)], [2, undefined]);
  });

  it('of thousands at once moves some with each call, so that none has to wait for all', () => {
    let moved = 0;
    const start = new SlowStart(defaultSlowStart, () => moved++);
    const all = [old(), ...Array.from({ length: 5_000 }, () => registered(0))];
    start.update(all, all, { now: 0, wall, first: true });
    start.wake(6_000);
    equal(moved, 64);
    for (let call = 0; call < 100; call++) start.wake(6_000);
    equal(moved, 5_000);
  });

  it('moves each a step at a time, whatever rounding makes of when it is due', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 9 }), (beganAt, step) => {
        let moved = 0;
        const start = new SlowStart(defaultSlowStart, () => moved++);
        const one = seat('a');
        start.readmitted(one, beganAt);
        start.wake(beganAt + (step / 10) * 30_000, 64);
        ok(moved <= 2, `${moved - 1} times`);
      }),
    );
  });

  it('looks at those who have changed, and at one who is old enough for them, and not at thousands', () => {
    let looks = 0;
    const counted = (one: Seat): Seat =>
      Object.defineProperty<Seat>({ ...one }, 'endpoint', { get: () => (looks++, one.endpoint) });
    const [many, fresh] = [Array.from({ length: 5_000 }, () => counted(old())), registered(0)];
    new SlowStart(defaultSlowStart, () => undefined).update([...many, fresh], [fresh], { now: 0, wall, first: false }, [
      fresh,
      many[7]!,
    ]);
    ok(looks < 10, `${looks} looks`);
    deepEqual([fresh.weight, many[7]!.weight], [0.1, 1]);
  });

  it('can be off', () => {
    const one = registered(0);
    const start = new SlowStart({ durationMs: undefined, from: 0.1 }, () => undefined);
    start.update([one, old()], [one], { now: 0, wall, first: false });
    equal(one.weight, 1);
  });

  for (const policy of [
    'weighted_round_robin',
    'least_request',
    'peak_ewma',
    'random',
    'ring_hash',
    'maglev',
  ] satisfies PolicyName[]) {
    it(`gives a newcomer a part of its share that grows, under ${policy}`, async () => {
      const old = ['a', 'b', 'c', 'd'].map((id) => endpoint(id));
      const { upstream, calls, clock } = orders(old, { policy, random: seeded(11) });
      calls(100);
      upstream.update([...old, endpoint('new')]);
      const part = (): number => (tally(calls(4_000).split(' '))['new'] ?? 0) / 4_000;
      const [atOnce, usual] = [0.1 / 4.1, 0.2];
      const first = part();
      ok(first > atOnce * 0.5 && first < atOnce * 1.6, `at once ${first}`);
      await clock.advance(30_000);
      calls(1);
      const last = part();
      ok(Math.abs(last - usual) < 0.05, `after 30 s ${last}`);
    });

    it(`changes nothing when all are new, under ${policy}`, () => {
      const all = ['a', 'b', 'c', 'd'].map((id) => endpoint(id));
      const { upstream, calls } = orders([], { policy, random: seeded(12) });
      upstream.update(all);
      for (const [id, count] of Object.entries(tally(calls(4_000).split(' '))))
        ok(Math.abs(count - 1_000) < 250, `${id} ${count}`);
      const { share } = upstream.explain()[0]!;
      ok(Math.abs(share - 25) < 5, String(share));
    });
  }

  it('is told, with how much and for how long', async () => {
    const { upstream, clock } = orders([endpoint('a', 4)]);
    upstream.update([endpoint('a', 4), endpoint('b', 10)]);
    await clock.advance(10_000);
    const [a, b] = upstream.explain();
    equal(a!.share, 57.1);
    equal(b!.weight, 10);
    match(b!.reason, /^takes calls: weight 3 of 7; slow start: 30 % of its weight, all of it in 20 s$/);
  });

  it('is not told under round_robin, where nobody has a weight that could grow', async () => {
    const { upstream, calls, clock } = orders([endpoint('a', 4)], { policy: 'round_robin' });
    upstream.update([endpoint('a', 4), endpoint('b', 10)]);
    await clock.advance(10_000);
    deepEqual(
      upstream.explain().map(({ share, reason }) => [share, reason]),
      [
        [50, 'takes its turn'],
        [50, 'takes its turn'],
      ],
    );
    const { a, b } = tally(calls(100).split(' '));
    deepEqual([a, b], [50, 50]);
  });
});
