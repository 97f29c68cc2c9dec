import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Seat } from '../../lb/balancer.js';
import { PeakEwma } from '../../lb/peak-ewma.js';
import { seeded } from '../support/random.js';
import { seat, tally } from './seats.js';

const answer = (ms: number) => ({ kind: 'success', ms }) as const;

/** Two seats, and which of them is the cheaper one. */
const pair = (): { balancer: PeakEwma; a: Seat; b: Seat; cheaper: (now: number) => string } => {
  const draws: number[] = [];
  const balancer = new PeakEwma(() => draws.shift()!);
  const [a, b] = [seat('a'), seat('b')];
  balancer.update([a, b]);
  const drawn = (first: number, now: number): string => {
    draws.push(first, 0);
    return balancer.pick({ tried: [] }, now)!.endpoint.id;
  };
  // the better one wins whoever is drawn first; of equals the first one does
  const cheaper = (now: number): string => [...new Set([drawn(0, now), drawn(0.9, now)])].sort().join(' or ');
  return { balancer, a, b, cheaper };
};

describe('peak ewma', () => {
  it('prefers the faster one, and a busy fast one until latency times calls is more', () => {
    const { balancer, a, b, cheaper } = pair();
    balancer.seen(a, answer(10), 0);
    balancer.seen(b, answer(35), 0);
    equal(cheaper(0), 'a');
    a.active = 2;
    equal(cheaper(0), 'a'); // 10 * 3 against 35 * 1
    a.active = 3;
    equal(cheaper(0), 'b'); // 10 * 4
  });

  it('follows a slower answer at once, and a faster one by e in ten seconds', () => {
    const { balancer, a, b, cheaper } = pair();
    balancer.seen(a, answer(10), 0);
    balancer.seen(b, answer(50), 0);
    balancer.seen(a, answer(100), 0);
    equal(cheaper(0), 'b');
    // 10 s later: what is left of 100 is 37, and the new answer of 10 counts for the rest: 43; b has faded to 18
    balancer.seen(a, answer(10), 10_000);
    equal(cheaper(10_000), 'b');
    balancer.seen(b, answer(44), 10_000);
    equal(cheaper(10_000), 'a');
    balancer.seen(b, answer(1), 10_000);
    equal(cheaper(10_000), 'a'); // a faster one within no time counts for nothing
  });

  it('forgets while nobody asks, so that one that was slow is asked again', () => {
    const { balancer, a, b, cheaper } = pair();
    balancer.seen(a, answer(1_000), 0);
    balancer.seen(b, answer(10), 40_000);
    equal(cheaper(40_000), 'b'); // 1000 / e^4 = 18
    balancer.seen(b, answer(10), 50_000);
    equal(cheaper(50_000), 'a'); // 1000 / e^5 = 7
  });

  it('takes a newcomer for one like the others, not for the fastest of all, so that nobody runs to it', () => {
    const balancer = new PeakEwma(seeded(2));
    const seats = ['a', 'b', 'c', 'd'].map((id) => seat(id));
    balancer.update(seats);
    for (const one of seats) balancer.seen(one, answer(20), 0);
    const list = [...seats, seat('new')];
    balancer.update(list);
    const counts = tally(Array.from({ length: 5_000 }, () => balancer.pick({ tried: [] }, 0)!.endpoint.id));
    ok(Math.abs(counts['new']! - 1_000) < 150, JSON.stringify(counts));
  });

  it('does not take a failure for a fast answer', () => {
    const { balancer, a, b, cheaper } = pair();
    balancer.seen(b, answer(300), 0);
    balancer.seen(a, { kind: 'failure', code: 'connect_refused', ms: 1 }, 0);
    equal(cheaper(0), 'b');
  });

  it('learns of one that was outpaced that it takes longer than that, and nothing where it was known to', () => {
    const { balancer, a, b, cheaper } = pair();
    balancer.seen(a, answer(10), 0);
    balancer.seen(b, answer(50), 0);
    balancer.seen(a, { kind: 'outpaced', ms: 60 }, 0);
    equal(cheaper(0), 'b');
    balancer.seen(b, answer(100), 0);
    balancer.seen(b, { kind: 'outpaced', ms: 20 }, 10_000);
    equal(cheaper(10_000), 'a');
  });

  it('learns nothing of what says nothing, nor of one that has left', () => {
    const { balancer, a, cheaper } = pair();
    balancer.seen(a, { kind: 'ignored' }, 0);
    balancer.seen(seat('gone'), answer(10_000), 0);
    equal(cheaper(0), 'a or b');
  });

  it('gives idle ones of one latency their shares by weight, and lets a heavy one carry more', () => {
    const balancer = new PeakEwma(seeded(3));
    const seats = [seat('a', 5), seat('b', 1)];
    balancer.update(seats);
    for (const one of seats) balancer.seen(one, answer(20), 0);
    const idle = tally(Array.from({ length: 6_000 }, () => balancer.pick({ tried: [] }, 0)!.endpoint.id));
    ok(Math.abs(idle['a']! - 5_000) < 150, JSON.stringify(idle));
    for (let call = 0; call < 60; call++) balancer.pick({ tried: [] }, 0)!.active++;
    const busy = seats.map(({ active }) => active);
    ok(Math.abs(busy[0]! - 50) <= 4, String(busy));
  });

  it('says which shares come of that, and what it expects of each', () => {
    const balancer = new PeakEwma(seeded(8));
    const seats = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, place) => seat(id, [5, 1, 1, 3, 2, 1][place]));
    balancer.update(seats);
    for (const [place, ms] of [20, 20, 30, 50, 20].entries()) balancer.seen(seats[place]!, answer(ms), 0);
    seats[0]!.active = 4;
    seats[4]!.eligible = false;
    balancer.changed(seats[4]!);
    const shares = balancer.shares();
    const counts = tally(Array.from({ length: 20_000 }, () => balancer.pick({ tried: [] }, 0)!.endpoint.id));
    for (const one of seats)
      ok(
        Math.abs((shares.get(one) ?? 0) - (counts[one.endpoint.id] ?? 0) / 20_000) < 0.015,
        `${one.endpoint.id} ${shares.get(one)}`,
      );
    ok(Math.abs([...shares.values()].reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
    equal(balancer.note(seats[2]!), 'expected to answer in 30 ms when idle');
    balancer.update([seats[0]!, seat('light', 1e-12)]);
    ok(Math.abs([...balancer.shares().values()].reduce((sum, share) => sum + share, 0) - 1) < 1e-3);
    balancer.update([]);
    equal(balancer.shares().size, 0);
  });

  it('keeps what it knows of one that stays when others come and go', () => {
    const { balancer, a, b, cheaper } = pair();
    balancer.seen(a, answer(10), 0);
    balancer.seen(b, answer(500), 0);
    balancer.update([b, seat('c'), a]);
    balancer.update([b, a]);
    equal(cheaper(0), 'a');
  });
});
