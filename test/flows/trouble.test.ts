/** One of three peers dies, or answers 500 to everything, or all of them fail: what callers notice of it, through the built program. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call, Calling } from '../support/calls.js';
import { eventually, zidecar } from '../support/program.js';
import { endpointsOf, peersAndCaller } from './peers.js';

const after = async (calling: Calling, total: number): Promise<void> => {
  await eventually(() => calling.total >= total);
};

describe('peers in trouble', { timeout: 240_000 }, () => {
  it('of three, one dies under 1,200 calls: none is lost, its circuit opens, and it serves again when it is back', async (t) => {
    const { peers, sidecar, at, end } = await peersAndCaller(3);
    t.after(end);
    const victim = peers[0]!;
    const calling = new Calling(at, 'orders', { workers: 8, pauseMs: 1 });
    await after(calling, 400);
    victim.die();
    await sidecar.fact('circuit_opened');
    await after(calling, 1_200);
    deepEqual((await endpointsOf(sidecar)).map(({ circuit }) => circuit === 'closed').sort(), [false, true, true]);
    await victim.listen();
    const before = victim.asked;
    await eventually(() => victim.asked > before);
    deepEqual((await calling.stop()).lost, []);
    await sidecar.fact('circuit_closed');
  });

  it('of three, one answers 500 to everything: at most 10 of 240 calls hear of it, and it is ejected, with its reason', async (t) => {
    const { peers, sidecar, at, end } = await peersAndCaller(3);
    t.after(end);
    peers[1]!.mood = 'fails';
    const statuses: number[] = [];
    for (let turn = 0; turn < 240; turn++) statuses.push((await call(at, 'orders')).status);
    const failed = statuses.filter((status) => status !== 200).length;
    ok(failed <= 10, `${failed} of 240`);
    const ejected = (await endpointsOf(sidecar)).filter(({ ejectedUntil }) => ejectedUntil !== null);
    deepEqual(
      ejected.map(({ id }) => id),
      ['p2'],
    );
    const { reason } = (await sidecar.get<{ endpoints: { id: string; reason: string }[] }>('/upstreams/orders/why'))
      .endpoints[1]!;
    match(
      reason,
      /^ejected for another \d+ s: 5 answers of 500 in a row while its peers did better \(1st time\); 5 good answers in a row end it sooner: it is tried by a call that can be sent again \(one of a hundred\), (in 0\.\d s|from now on)$/,
    );
    const metrics = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
    match(metrics, /^zidecar_ejections_total\{service="orders"\} 1$/m);
    match(metrics, /^zidecar_endpoints\{service="orders",state="ejected"\} 1$/m);
  });

  it('of three, one hangs while all calls are hedged: none is lost, it is ejected, with its reason, and back when it answers', async (t) => {
    const { peers, sidecar, at, end } = await peersAndCaller(3, { ZIDECAR_HEDGE: '100ms' });
    t.after(end);
    peers[1]!.mood = 'hangs';
    const calling = new Calling(at, 'orders', { workers: 2, pauseMs: 1 });
    const ejected = await sidecar.fact('endpoint_ejected');
    match(String(ejected['msg']), /: \d+ hedged calls in a row were answered first by a peer that was asked later$/);
    peers[1]!.mood = 'well';
    const readmitted = await sidecar.fact('endpoint_readmitted');
    const [from, to] = [ejected, readmitted].map((line) => Date.parse(String(line['time'])));
    ok(to! - from! < 30_000, 'its time was not over: trials have found it well');
    deepEqual((await calling.stop()).lost, []);
  });

  for (const [what, env, calls] of [
    [
      'calls that go by a key, and is back before its time: some keys lead to it',
      { ZIDECAR_POLICY: 'maglev', ZIDECAR_HASH_KEY: 'path' },
      { paths: 30 },
    ],
    [
      'POSTs alone, and is back before its time: they have an Idempotency-Key',
      { ZIDECAR_RETRY_IDEMPOTENCY_KEY: 'on' },
      { method: 'POST', headers: { 'idempotency-key': 'k', 'content-length': '0' } },
    ],
  ] as const)
    it(`of three, one answers 500 to ${what}`, async (t) => {
      const { peers, sidecar, at, end } = await peersAndCaller(3, env);
      t.after(end);
      const calling = new Calling(at, 'orders', { workers: 4, pauseMs: 1, ...calls });
      await after(calling, 100);
      peers[1]!.mood = 'fails';
      const ejected = await sidecar.fact('endpoint_ejected');
      peers[1]!.mood = 'well';
      const readmitted = await sidecar.fact('endpoint_readmitted');
      const [from, to] = [ejected, readmitted].map((line) => Date.parse(String(line['time'])));
      ok(to! - from! < 30_000, `its time was not over: ${to! - from!} ms`);
      const { lost } = await calling.stop();
      ok(lost.length <= 10, lost.join('\n'));
    });

  it('of three, one answers 500 to POSTs alone: it is checked at once, not when its interval is over, and back before its time', async (t) => {
    const { peers, sidecar, at, end } = await peersAndCaller(3, {
      ZIDECAR_CHECK: 'http:/health',
      ZIDECAR_CHECK_INTERVAL: '10m',
    });
    t.after(end);
    const calling = new Calling(at, 'orders', { workers: 4, pauseMs: 1, method: 'POST', headers: { 'content-length': '0' } });
    await after(calling, 100);
    peers[1]!.mood = 'fails';
    const ejected = await sidecar.fact('endpoint_ejected');
    await sidecar.fact('endpoint_ill');
    peers[1]!.mood = 'well';
    const readmitted = await sidecar.fact('endpoint_readmitted');
    match(String(readmitted['msg']), /: its checks find it well again$/);
    const [from, to] = [ejected, readmitted].map((line) => Date.parse(String(line['time'])));
    ok(to! - from! < 30_000, `its time was not over: ${to! - from!} ms`);
    await calling.stop();
  });

  it('of three, one is slow: its circuit opens, and again by each slow trial, which is told with how long it took, and may', async (t) => {
    const { peers, sidecar, at, end } = await peersAndCaller(3, { ZIDECAR_CIRCUIT_SLOW_CALL: '350ms' });
    t.after(end);
    peers[1]!.mood = 'slow';
    const calling = new Calling(at, 'orders', { workers: 6, pauseMs: 5 });
    const victim = `127.0.0.1:${peers[1]!.port}`; // a busy machine may make others slow as well
    const first = await sidecar.fact('circuit_opened', { endpoint: victim });
    match(String(first['msg']), / open for .*: \d+ of \d+ calls in 10 s took 350 ms or longer$/);
    const again = await sidecar.said((line) => line.kind === 'circuit_opened' && line['endpoint'] === victim && line !== first);
    match(String(again['msg']), / open for [\d.]+ m?s: its trial took \d+ ms, 350 ms or longer is slow$/);
    const why = await zidecar(['why', 'orders'], { ZIDECAR_ADMIN: await sidecar.at('admin') });
    match(
      why.out,
      /circuit (half-)?open since .*: its trial took \d+ ms, 350 ms or longer is slow; .* \(out since [\d:]+(, until [\d:]+)?\)$/m,
    );
    deepEqual((await calling.stop()).lost, []);
  });

  it('of three, one answers 500 in the shadow: it is told and counted what would be done, and nothing is', async (t) => {
    const { peers, sidecar, at, end } = await peersAndCaller(3, { ZIDECAR_SHADOW: 'outlier' });
    t.after(end);
    peers[1]!.mood = 'fails';
    for (let turn = 0; turn < 60; turn++) await call(at, 'orders');
    equal(peers[1]!.asked, 20);
    match(
      String((await sidecar.fact('endpoint_ejected'))['msg']),
      /^orders: 127\.0\.0\.1:\d+ would be ejected for 30 s: 5 answers of 500/,
    );
    const metrics = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
    match(metrics, /^zidecar_would_have_total\{service="orders",what="outlier"\} 1$/m);
    match(metrics, /^zidecar_ejections_total\{service="orders"\} 0$/m);
  });

  it('all of them reset: they are sent no more than the retry budget adds, and soon next to nothing', async (t) => {
    const { peers, at, end } = await peersAndCaller(3);
    t.after(end);
    for (const peer of peers) peer.mood = 'resets';
    const codes = new Map<string, number>();
    const began = performance.now();
    for (let turn = 0; turn < 300; turn++) {
      const code = String((await call(at, 'orders')).headers['x-zidecar-error']);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    const asked = peers.reduce((sum, peer) => sum + peer.asked, 0);
    ok(asked <= 300 * 1.2 + 30, `${asked} sends`);
    // five each before their circuits open, and trials then, two a second of each at the most
    const most = 3 * 5 + 3 * 2 * (1 + (performance.now() - began) / 1_000);
    ok(codes.get('reset')! <= most, `${JSON.stringify([...codes])}, at most ${most} resets`);
    equal(codes.get('reset')! + codes.get('all_open')!, 300);
  });

  it('all of them answer 500, or are dead, and calls may be sent again three times: they are sent no more than the budget adds', async (t) => {
    const again = { ZIDECAR_RETRIES: '3', ZIDECAR_RETRY_ON: 'connect,500', ZIDECAR_SHADOW: 'circuit' };
    for (const mood of ['fails', 'dead'] as const) {
      const { peers, sidecar, at, end } = await peersAndCaller(3, again);
      t.after(end);
      for (const peer of peers) {
        peer.mood = mood;
        if (mood === 'dead') peer.die();
      }
      const began = performance.now();
      for (let turn = 0; turn < 150; turn++) await call(at, 'orders');
      // 30 more in any 10 s: a slow machine needs several of them
      const spans = Math.ceil((performance.now() - began) / 10_000);
      ok(spans <= 10, `150 calls took ${spans} times 10 s`);
      const metrics = await (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
      const sends = Number(/^zidecar_attempts_total\{service="orders"\} (\d+)$/m.exec(metrics)![1]);
      ok(sends > 180 && sends <= 150 * 1.2 + 30 * spans, `${mood}: ${sends} sends in ${spans} times 10 s`);
      if (mood === 'fails')
        equal(
          peers.reduce((sum, peer) => sum + peer.asked, 0),
          sends,
        );
    }
  });
});
