import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failed, type Outcome } from '../../lb/outcome.js';
import { abc, bad, good, orders } from './orders.js';
import { endpoint } from './seats.js';

describe('what an upstream tells of itself', () => {
  it('gives for each endpoint its share, its circuit, and the sentence that decides', async () => {
    const { upstream, clock, call } = orders([endpoint('a', 5), endpoint('b', 1), endpoint('c', 1), endpoint('d', 0)]);
    for (const others of [
      ['a', 'c'],
      ['a', 'c'],
      ['a', 'b'],
    ])
      call(bad, { tried: others });
    await clock.advance(400);
    const views = upstream.explain();
    deepEqual(
      views.map(({ id, circuit, share, reason }) => `${id} ${circuit} ${share} ${reason}`),
      [
        'a closed 100 takes calls: weight 5 of 5',
        'b open 0 circuit open since 0.4 s: 2 connects refused; next trial in 0.6 s, or as soon as a connect in the background comes through',
        'c closed 0 set aside while others can serve: 1 connect refused; a connect in the background clears it, or its circuit opens at 2',
        'd closed 0 weight 0: gets no calls',
      ],
    );
    const wall = clock.wall();
    deepEqual(
      views.map(({ outSince, outUntil }) => [outSince, outUntil]),
      [
        [null, null],
        [wall - 400, wall + 600],
        [null, null],
        [null, null],
      ],
    );
    const fields = [
      'id',
      'host',
      'port',
      'weight',
      'circuit',
      'inFlight',
      'ejectedUntil',
      'share',
      'reason',
      'outSince',
      'outUntil',
      'labels',
    ];
    deepEqual(Object.keys(views[0]!), fields);
  });

  it('tells of a trial that is due, and of one that runs', async () => {
    const { upstream, clock, calls, lease } = orders(abc('a'));
    calls(2, bad);
    await clock.advance(1_000);
    const half = 'circuit half-open, 1 s after it opened: 2 connects refused; ';
    equal(upstream.explain()[0]!.reason, `${half}the next call that can be sent again is its trial, any other in 0.3 s`);
    await clock.advance(300);
    equal(upstream.explain()[0]!.reason, `${half}the next call is its trial`);
    lease();
    match(upstream.explain()[0]!.reason, /a trial call is under way$/);
  });

  it('keeps telling since when the circuit is open through its failed trials', async () => {
    const { upstream, clock, calls } = orders(abc('a'));
    calls(2, bad);
    await clock.advance(1_000);
    calls(1, bad);
    await clock.advance(500);
    equal(
      upstream.explain()[0]!.reason,
      'circuit open since 2 s: 3 connects refused; next trial in 2 s, or as soon as a connect in the background comes through',
    );
  });

  it('says who tries one that is out before its time, from when on, and how far that has come', async () => {
    const { upstream, clock, call } = orders(abc('abc'), { failures: 5 });
    const says = (place: number): string => upstream.explain()[place]!.reason.replace(/^.*?(?=; )/, '');
    for (let failure = 0; failure < 5; failure++) call(failed('reset', 1), { tried: ['b', 'c'] });
    const early = 'a call that can be sent again (one of a hundred)';
    equal(says(0), `; next trial in 1 s, or by ${early}, in 0.5 s`);
    await clock.advance(500);
    equal(says(0), `; next trial in 0.5 s, or by ${early}, from now on`);
    equal(call(good, { repeatable: true }), 'a');

    const [ill, fine]: Outcome[] = [503, 200].map((status) => ({ kind: 'success', ms: 1, status }));
    for (let turn = 0; turn < 30; turn++) call(fine, { tried: ['b'] });
    for (let failure = 0; failure < 5; failure++) call(ill, { tried: ['a', 'c'] });
    const trying = `; 5 good answers in a row end it sooner: it is tried by ${early}`;
    equal(says(1), `${trying}, in 0.5 s`);
    await clock.advance(470);
    equal(says(1), `${trying}, from now on`, 'nobody waits for 0 s');
    await clock.advance(30);
    equal(says(1), `${trying}, from now on`);
    for (let turn = 0; turn < 100; turn++) call();
    const lease = upstream.acquire({ tried: [], repeatable: true });
    if (typeof lease === 'string') throw new Error(lease);
    equal(says(1), '; a trial call is under way');
    lease.answered(fine!);
    lease.release();
    equal(says(1), '; 1 of 5 good in a row since; the next call that can be sent again tries it');
    for (let turn = 0; turn < 4; turn++) call(fine, { repeatable: true });
    for (let failure = 0; failure < 30; failure++) call(ill, { tried: ['a', 'c'] });
    equal(says(1), '; its time ends it'); // it was readmitted, and ejected again soon after
  });

  it('gives even shares where weights do not matter', () => {
    const { upstream } = orders([endpoint('a', 5), endpoint('b', 1)], { policy: 'round_robin' });
    for (const { share, reason } of upstream.explain()) deepEqual([share, reason], [50, 'takes its turn']);
  });

  it('gives all of the share to the one that has the key of the pod, and to the next while that is out', async () => {
    const own = { ownKey: () => 4_711 };
    const { upstream, call, lease } = orders(abc('abc'), { policy: 'maglev', more: own });
    const home = lease({ key: 4_711 }).endpoint.id;
    const of = (id: string) => upstream.explain().find((view) => view.id === id)!;
    deepEqual(
      [
        upstream
          .explain()
          .map(({ share }) => share)
          .sort(),
        of(home).share,
      ],
      [[0, 0, 100], 100],
    );
    match(of(home).reason, /^the key of this pod is here; takes calls/);
    const [other] = upstream.explain().filter(({ share }) => share === 0);
    match(other!.reason, /^the key of this pod is another's; /);
    for (let failure = 0; failure < 2; failure++) call(bad, { key: 4_711 });
    const next = lease({ key: 4_711 }).endpoint.id;
    deepEqual([of(home).share, of(next).share], [0, 100]);
    for (let key = 1; key < 50; key++) {
      const views = upstream.explain({ tried: [], key });
      deepEqual(
        views.filter(({ share }) => share === 100).map(({ id }) => id),
        [lease({ key }).endpoint.id],
      );
    }
  });

  it('names the labels of each, its zone among them', () => {
    const { upstream } = orders([{ ...endpoint('a'), zone: 'z1', meta: { version: 'canary', zone: 'lies' } }]);
    deepEqual(upstream.explain()[0]!.labels, { version: 'canary', zone: 'z1' });
  });

  it('judges itself, and knows since when', async () => {
    const { upstream, clock, calls } = orders();
    const start = clock.wall();
    const now = (): unknown => [upstream.verdict().state, upstream.verdict().since - start, upstream.verdict().out];
    deepEqual(now(), ['waiting', 0, 0]);
    await clock.advance(100);
    upstream.update([]);
    deepEqual(now(), ['empty', 100, 0]);
    await clock.advance(100);
    upstream.update(abc('ab'));
    deepEqual(now(), ['well', 200, 0]);
    await clock.advance(100);
    calls(2, bad);
    deepEqual(now(), ['well', 200, 0]);
    calls(1, bad);
    deepEqual(now(), ['ill', 300, 1]);
    await clock.advance(100);
    calls(1, bad);
    deepEqual(now(), ['ill', 300, 2]);
    await clock.advance(1_300);
    calls(4);
    deepEqual(now(), ['well', 1_700, 0]);
  });

  it('tells how much of the retry budget is in use', () => {
    const { upstream, clock } = orders(abc('a'));
    for (let call = 0; call < 50; call++) upstream.budget.called(clock.now());
    upstream.budget.spend(clock.now());
    const { retryPercent, retryBudgetPercent, lost, total } = upstream.verdict();
    deepEqual([retryPercent, retryBudgetPercent, lost, total], [2, 20, 0, 1]);
  });
});
