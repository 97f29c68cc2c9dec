/** Everything that one of three peers can do wrong, at load, by either lane: how many calls hear of it, and what it gets afterwards. */
import { ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call, Calling } from '../support/calls.js';
import { eventually } from '../support/program.js';
import { endpointsOf, peersAndCaller, type Mood } from './peers.js';

interface Scene {
  readonly mood: Mood;
  readonly calls: number;
  readonly most: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What keeps it from calls in the end. */
  readonly out: 'circuit' | 'ejection' | 'nothing';
}

const scenes: readonly Scene[] = [
  { mood: 'dead', calls: 1_200, most: 0, out: 'circuit' },
  { mood: 'hangs', calls: 1_200, most: 0, out: 'circuit', env: { ZIDECAR_RESPONSE_TIMEOUT: '300ms' } },
  { mood: 'resets', calls: 1_200, most: 0, out: 'circuit' },
  // a trial every while is all that tells, unless there are checks
  { mood: 'resets', calls: 1_200, most: 0, out: 'circuit', env: { ZIDECAR_CHECK: 'http:/health', ZIDECAR_CHECK_INTERVAL: '1s' } },
  { mood: 'talks_nonsense', calls: 1_200, most: 0, out: 'circuit' },
  { mood: 'fails', calls: 1_200, most: 30, out: 'ejection' }, // eight workers are on their way when it begins
  { mood: 'slow', calls: 1_200, most: 0, out: 'nothing' },
  { mood: 'slow', calls: 1_200, most: 0, out: 'circuit', env: { ZIDECAR_CIRCUIT_SLOW_CALL: '200ms' } },
  { mood: 'closes', calls: 1_200, most: 0, out: 'nothing' },
];

for (const lane of ['on', 'off'])
  describe(`one of three peers, at load, with FAST_LANE=${lane}`, { timeout: 400_000 }, () => {
    for (const { mood, calls, most, env = {}, out } of scenes)
      it(`${mood} ${Object.keys(env).join()}: at most ${most} of ${calls} calls fail, and what keeps it away is ${out}`, async (t) => {
        const { peers, sidecar, at, end } = await peersAndCaller(3, { ZIDECAR_FAST_LANE: lane, ...env });
        t.after(end);
        const victim = peers[0]!;
        const calling = new Calling(at, 'orders', { workers: 8, pauseMs: 1 });
        await eventually(() => calling.total >= 300);
        victim.mood = mood;
        if (mood === 'dead') victim.die();
        await eventually(() => calling.total >= 300 + calls);
        if (out !== 'nothing') await sidecar.fact(out === 'circuit' ? 'circuit_opened' : 'endpoint_ejected');
        const shown = (await endpointsOf(sidecar))[0]!;
        victim.mood = 'well';
        if (mood === 'dead') await victim.listen();
        const [before, since] = [victim.asked, performance.now()];
        await eventually(() => victim.asked > before + 3);
        const back = Math.round(performance.now() - since);
        const { lost, total } = await calling.stop();
        t.diagnostic(`${mood}: ${lost.length} of ${total} failed; circuit ${shown.circuit}, back after ${back} ms`);
        ok(lost.length <= most, lost.slice(0, 5).join('\n'));
      });

    it('is one of ten, nine of which were dead from the start: at most 3 of 2,400 calls are lost', async (t) => {
      const { peers, at, end } = await peersAndCaller(10, { ZIDECAR_FAST_LANE: lane });
      t.after(end);
      for (const peer of peers.slice(1)) peer.die();
      const calling = new Calling(at, 'orders', { workers: 8, pauseMs: 1 });
      await eventually(() => calling.total >= 2_400);
      const { lost, total } = await calling.stop();
      t.diagnostic(`nine of ten dead: ${lost.length} of ${total} failed`);
      ok(lost.length <= 3, lost.join('\n'));
    });

    it('closes kept connections as calls come: at most 3 of 300 calls that may not be repeated fail', async (t) => {
      const { peers, at, end } = await peersAndCaller(3, { ZIDECAR_FAST_LANE: lane });
      t.after(end);
      for (const peer of peers) peer.mood = 'closes';
      let failed = 0;
      for (let turn = 0; turn < 300; turn++) {
        if ((await call(at, 'orders', { method: 'POST' })).status !== 200) failed++;
        await new Promise((resolve) => setTimeout(resolve, 1 + (turn % 3)));
      }
      t.diagnostic(`keep-alive race: ${failed} of 300 failed`);
      ok(failed <= 3, `${failed} of 300`);
    });

    it('is as bad as the others: what they are sent grows by the budget at most, whatever fails', async (t) => {
      for (const mood of ['resets', 'fails', 'talks_nonsense'] as const) {
        const { peers, sidecar, at, end } = await peersAndCaller(3, { ZIDECAR_FAST_LANE: lane });
        t.after(end);
        for (const peer of peers) peer.mood = mood;
        const calling = new Calling(at, 'orders', { workers: 8, pauseMs: 1 });
        await eventually(() => calling.total >= 2_000);
        const { total } = await calling.stop();
        const asked = peers.reduce((sum, peer) => sum + peer.asked, 0);
        t.diagnostic(`all ${mood}: ${total} calls, ${asked} sends`);
        ok(asked <= total * 1.2 + 30, `${asked} sends for ${total} calls`);
        sidecar.kill();
      }
    });
  });
