import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultOutlier } from '../../lb/outlier.js';
import type { Outcome } from '../../lb/outcome.js';
import type { UpstreamParts } from '../../lb/upstream.js';
import { defaultSlowStart } from '../../lb/slow-start.js';
import { allEnforced } from '../../lb/enforced.js';
import { fc } from '../support/fast-check.js';
import { abc, orders } from './orders.js';
import { endpoint } from './seats.js';

const answer = (status: number): Outcome => ({ kind: 'success', status, ms: 1 });

/** An upstream whose endpoints answer what the test says, 200 where it says nothing. */
const answering = (ids: string, statuses: Record<string, number>, more: Partial<UpstreamParts> = {}) => {
  const made = orders(abc(ids), { failures: 5, more: { slowStart: { durationMs: undefined, from: 1 }, ...more } });
  const call = (): string => {
    const lease = made.lease();
    const { id } = lease.endpoint;
    lease.answered(answer(statuses[id] ?? 200));
    lease.release();
    return id;
  };
  const calls = (count: number): string[] => Array.from({ length: count }, call);
  const out = (): string =>
    made.upstream
      .explain()
      .flatMap(({ id, ejectedUntil }) => (ejectedUntil === null ? [] : [id]))
      .join('');
  const reason = (id: string): string => made.upstream.explain().find((view) => view.id === id)!.reason;
  return { ...made, statuses, calls, out, reason };
};

describe('ejection', () => {
  it('puts one that always answers 500 out after five of them, for 30 s, and tells why and until when', async () => {
    const { calls, upstream, clock, told, reason, out } = answering('abc', { a: 500 });
    equal(calls(240).filter((id) => id === 'a').length, 5);
    equal(out(), 'a');
    await clock.advance(6_000);
    equal(
      reason('a'),
      'ejected for another 24 s: 5 answers of 500 in a row while its peers did better (1st time); 5 good answers in a row end it sooner: it is tried by a call that can be sent again (one of a hundred), from now on',
    );
    const [view] = upstream.explain();
    deepEqual([view!.circuit, view!.share, view!.ejectedUntil], ['closed', 0, clock.wall() + 24_000]);
    deepEqual([view!.outSince, view!.outUntil], [clock.wall() - 6_000, clock.wall() + 24_000]);
    deepEqual(upstream.states(), { closed: 2, open: 0, half_open: 0, ejected: 1, ill: 0 });
    deepEqual([upstream.verdict().state, upstream.verdict().out, upstream.stats.ejections], ['ill', 1, 1]);
    const why = '5 answers of 500 in a row while its peers did better';
    const fact = { kind: 'endpoint_ejected', upstream: 'orders', endpoint: '10.0.0.1:8080', why, forMs: 30_000, times: 1 };
    deepEqual(told('endpoint_ejected'), [fact]);
  });

  it('readmits when the time is up, though nobody calls, and ejects for longer the next time', async () => {
    const { calls, clock, out, told, upstream } = answering('abc', { a: 503 });
    calls(30);
    await clock.advance(30_000);
    deepEqual([upstream.verdict().state, out()], ['well', '']);
    deepEqual(told('endpoint_readmitted'), [
      { kind: 'endpoint_readmitted', upstream: 'orders', endpoint: '10.0.0.1:8080', why: 'its time is over' },
    ]);
    calls(30);
    await clock.advance(59_999);
    equal(out(), 'a');
    await clock.advance(1);
    equal(out(), '');
  });

  it('ends after as many good answers in a row as were bad, to calls that can be sent again, one a half second until one is good', async () => {
    const { upstream, clock, call, calls, statuses, reason, out } = answering('abc', { a: 500 });
    calls(30);
    equal(out(), 'a');
    const trying = (count: number, status: number): number => {
      statuses['a'] = status;
      let tried = 0;
      for (let turn = 0; turn < count; turn++) {
        const lease = upstream.acquire({ tried: [], repeatable: true });
        if (typeof lease === 'string') throw new Error(lease);
        equal(lease.onTrial, lease.endpoint.id === 'a');
        if (lease.onTrial) tried++;
        lease.answered(answer(statuses[lease.endpoint.id] ?? 200));
        lease.release();
      }
      return tried;
    };
    equal(trying(300, 500), 0); // it has just been ejected
    await clock.advance(500);
    equal(trying(300, 500), 1);
    await clock.advance(499);
    equal(trying(300, 500), 0);
    await clock.advance(1);
    equal(calls(300).includes('a'), false); // those have something to lose
    equal(trying(3, 200), 3);
    match(
      reason('a'),
      /^ejected for another 29 s: .* \(1st time\); 3 of 5 good in a row since; the next call that can be sent again tries it$/,
    );
    equal(trying(1, 500), 1);
    equal(trying(300, 500), 0);
    await clock.advance(500);
    equal(trying(6, 200), 5);
    deepEqual([out(), upstream.states().ejected], ['', 0]);
    for (let turn = 0; turn < 30; turn++) call(answer(500), { tried: ['b', 'c'] });
    await clock.advance(5_000);
    equal(out(), 'a');
    equal(trying(300, 200), 0); // so soon after: this time it has to wait
  });

  it('of one that was outpaced is tried by calls alone that are hedged, and ends by their good answers', async () => {
    const { upstream, clock, call, out, reason } = answering('abc', {});
    for (let turn = 0; turn < 30; turn++) call({ kind: 'success', status: 200, ms: 1 }, { tried: ['a'] });
    for (let turn = 0; turn < 5; turn++) call({ kind: 'outpaced', ms: 60 }, { tried: ['b', 'c'] });
    equal(out(), 'a');
    match(reason('a'), /^ejected for another 30 s: 5 hedged calls in a row were answered first by a peer that was asked later/);
    const trying = (count: number, hedged: boolean, outcome: Outcome): number => {
      let tried = 0;
      for (let turn = 0; turn < count; turn++) {
        const lease = upstream.acquire({ tried: [], repeatable: true, hedged });
        if (typeof lease === 'string') throw new Error(lease);
        if (lease.onTrial) tried++;
        lease.answered(lease.onTrial ? outcome : answer(200));
        lease.release();
      }
      return tried;
    };
    await clock.advance(500);
    equal(trying(300, false, answer(200)), 0); // it would wait for as long as one may
    equal(trying(300, true, { kind: 'outpaced', ms: 60 }), 1);
    await clock.advance(500);
    equal(trying(300, true, answer(200)), 5);
    equal(out(), '');
  });

  it('of one that answers worse than others, or is slower, ends by its time alone: a few answers say nothing of that', async () => {
    const { upstream, clock } = orders(abc('abcdef'), { failures: 5 });
    for (let turn = 0; turn < 720; turn++) {
      const lease = upstream.acquire({ tried: [] });
      if (typeof lease === 'string') throw new Error(lease);
      lease.answered({ kind: 'success', status: 200, ms: lease.endpoint.id === 'a' ? 900 : 10 });
      lease.release();
    }
    await clock.advance(10_000);
    equal(upstream.states().ejected, 1);
    await clock.advance(5_000);
    for (let turn = 0; turn < 300; turn++) {
      const lease = upstream.acquire({ tried: [], repeatable: true });
      if (typeof lease === 'string') throw new Error(lease);
      equal(lease.onTrial, false);
      lease.release();
    }
  });

  it('is forgotten with one that leaves: who registers anew begins with nothing against it', async () => {
    const { upstream, calls, clock, out, reason, told } = answering('abc', { a: 500 });
    calls(30);
    await clock.advance(30_000);
    calls(30); // for the second time, which only its time ends
    match(reason('a'), /^ejected for another 60 s: .* \(2nd time\)/);
    upstream.update(abc('bc'));
    upstream.update(abc('abc'));
    deepEqual([out(), upstream.states().closed], ['', 3]);
    equal(calls(30).filter((id) => id === 'a').length > 0, true);
    equal((told('endpoint_ejected').at(-1) as { times?: number }).times, 1); // as ill as before, and yet the first time
  });

  it('ends with a slow start', async () => {
    const { calls, clock, reason } = answering('abc', { a: 503 }, { slowStart: defaultSlowStart });
    calls(30);
    await clock.advance(30_000);
    match(reason('a'), /slow start: 10 % of its weight, all of it in 30 s/);
  });

  it('takes one off the count for each interval without, and never ejects for longer than 300 s', async () => {
    const { calls, clock, upstream, told } = answering('abc', { a: 503 });
    for (let time = 0; time < 12; time++) {
      calls(30);
      await clock.advance(300_000);
      upstream.verdict();
    }
    const lengths = (): number[] => told('endpoint_ejected').map((fact) => ('forMs' in fact ? fact.forMs / 1_000 : 0));
    deepEqual(lengths().slice(0, 2), [30, 30]); // 270 s of peace have wiped it out
    const often = answering('abc', { a: 503 });
    for (let time = 0; time < 12; time++) {
      often.calls(30);
      const until = often.upstream.explain()[0]!.ejectedUntil!;
      await often.clock.advance(until - often.clock.wall());
    }
    const grown = often.told('endpoint_ejected').map((fact) => ('forMs' in fact ? fact.forMs / 1_000 : 0));
    deepEqual(grown, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
  });

  it('ejects at most 30 %, and one at least, and counts what it withholds', () => {
    const all = { a: 503, b: 503, c: 503, d: 503, e: 503, f: 503, g: 503 };
    for (const [ids, most] of [
      ['ab', 1],
      ['abc', 1],
      ['abcdefghij', 3],
    ] as const) {
      const { calls, out, upstream } = answering(ids, all);
      calls(500);
      equal(out().length, most);
      equal(upstream.stats.ejectionsWithheld > 0, true);
    }
  });

  it('says of one that the cap keeps in use what was wrong with it, when, and that it is the cap, and tells so once', async () => {
    const { calls, reason, clock, statuses, told } = answering('abcd', { a: 503, b: 503 });
    calls(100);
    const why = '5 answers of 503 in a row, but OUTLIER_MAX (30 %) lets no more be out';
    equal(reason('b'), `takes calls: weight 1 of 3; bad 0 s ago, and in use all the same: ${why}`);
    statuses['b'] = 200;
    await clock.advance(4_000);
    calls(100); // all good: it is bad no more
    equal(reason('b'), `takes calls: weight 1 of 3; bad 4 s ago, and in use all the same: ${why}`);
    deepEqual(told('ejection_withheld'), [{ kind: 'ejection_withheld', upstream: 'orders', endpoint: '10.0.0.1:8080', why }]);
    await clock.advance(6_000);
    equal(reason('b'), 'takes calls: weight 1 of 3');
    statuses['b'] = 503;
    calls(100);
    equal(told('ejection_withheld').length, 2);
  });

  it('tells of bad answers in a row before they eject anybody, and where they never will, as all are bad alike', () => {
    const { calls, reason, statuses } = answering('abc', { a: 503 });
    calls(6);
    equal(reason('a'), 'takes calls: weight 1 of 3; 2 answers of 503 in a row, it may be ejected from 5 on');
    equal(reason('b'), 'takes calls: weight 1 of 3');
    const dark = answering('ab', { a: 500, b: 500 });
    dark.calls(80);
    equal(
      dark.reason('a'),
      'takes calls: weight 1 of 2; 40 answers of 500 in a row, it may be ejected from 5 on while its peers do better',
    );
    statuses['a'] = 200;
    calls(3);
    equal(reason('a'), 'takes calls: weight 1 of 3');
  });

  it('blames no cap for keeping the only one', () => {
    const { calls, reason } = answering('a', { a: 503 });
    calls(5);
    equal(
      reason('a'),
      'takes calls: weight 1 of 1; bad 0 s ago, and in use all the same: 5 answers of 503 in a row, but the last one is never ejected',
    );
  });

  it('calls nobody the last one where the registry names nobody any more, and all are kept', () => {
    const { calls, reason, upstream } = answering('ab', { a: 503 });
    const doubt = { why: 'kept after a mass drop', kept: true, ask: () => () => undefined, failed: () => undefined };
    upstream.update(abc('ab').map((one) => ({ ...one, doubt })));
    calls(10);
    match(reason('a'), /5 answers of 503 in a row.*, but nobody is ejected while the registry names none of them$/);
  });

  it('never ejects the only one, nor anybody where it is off', () => {
    const alone = answering('a', { a: 503 });
    alone.calls(50);
    equal(alone.out(), '');
    const off = answering('abc', { a: 503 }, { outlier: { ...defaultOutlier, on: false } });
    off.calls(50);
    equal(off.out(), '');
  });

  it('ends for everybody when it is switched off, and goes on where it was when it is switched on again', () => {
    const outlier = { ...defaultOutlier };
    const { calls, out, told, upstream } = answering('abc', { a: 503 }, { outlier });
    calls(30);
    Object.assign(outlier, { on: false }); // as a reload does
    deepEqual([upstream.verdict().out, out(), told('endpoint_readmitted').length], [0, '', 1]);
    equal(calls(30).includes('a'), true);
    Object.assign(outlier, { on: true });
    calls(30);
    deepEqual(
      told('endpoint_ejected').map((fact) => 'times' in fact && fact.times),
      [1, 2],
    );
  });

  it('is not for one whose peers have no weight', () => {
    const { upstream, call } = orders([endpoint('a'), endpoint('b', 0)]);
    for (let turn = 0; turn < 20; turn++) call(answer(503));
    deepEqual(upstream.states().ejected, 0);
  });

  it('is pardoned in panic, holds again after it, and both are told', async () => {
    const { calls, upstream, told, out, reason, call, clock } = answering('ab', { a: 503 });
    calls(20);
    equal(out(), 'a');
    for (let turn = 0; turn < 5; turn++) call({ kind: 'failure', code: 'reset', ms: 1 }); // the circuit of b opens
    equal(upstream.verdict().panic, true);
    match(reason('a'), /^takes calls: weight 1 of 1; pardoned, as too few are well: ejected for another 30 s/);
    deepEqual(calls(3), ['a', 'a', 'a']);
    await clock.advance(1_300);
    calls(2); // the trial of b among them
    deepEqual([upstream.verdict().panic, told('panic_began').length, told('panic_ended').length], [false, 1, 1]);
    deepEqual(calls(3), ['b', 'b', 'b']);
  });

  it('only tells what it would do in the shadow', () => {
    const { calls, told, upstream, reason, out } = answering('abc', { a: 503 }, { enforced: { ...allEnforced, outlier: false } });
    equal(calls(30).filter((id) => id === 'a').length, 10);
    match(reason('a'), /^takes calls: weight 1 of 3; in the shadow: ejected for another 30 s/);
    deepEqual([out(), upstream.states().ejected, upstream.verdict().out, upstream.verdict().state], ['', 0, 0, 'well']);
    deepEqual([upstream.stats.ejections, upstream.stats.wouldHave.outlier], [0, 1]);
    equal(
      told('endpoint_ejected').every((fact) => 'shadow' in fact && fact.shadow),
      true,
    );
  });

  it('keeps its cap and empties no service, whatever is answered when', async () => {
    const step = fc.record({ status: fc.constantFrom(200, 500, 503), of: fc.nat(9), times: fc.nat(8), ms: fc.nat(9_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 10 }), async (steps, size) => {
        const ids = 'abcdefghij'.slice(0, size);
        const { upstream, clock, statuses, calls, out } = answering(ids, {});
        for (const { status, of, times, ms } of steps) {
          statuses['abcdefghij'[of]!] = status;
          await clock.advance(ms);
          equal(calls(times * size).length, times * size);
          equal(out().length <= Math.max(1, Math.floor(size * 0.3)) && out().length < size, true);
          equal(upstream.states().ejected, out().length);
        }
        await clock.advance(300_000);
        equal(out(), '');
      }),
      { numRuns: 30 },
    );
  });
});
