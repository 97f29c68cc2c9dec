/**
 * Every failure of the list (injections.ts), through the built program and each of its lanes: the app hears of it at once and by the right
 * name, or not at all; nothing that broke looks whole; what may not be repeated is sent once; and the call that comes next is right.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/program.js';
import { besides, play, stage } from './injection-play.js';
import { sidecarFor } from './injection-sidecar.js';
import { injections } from './injections.js';

for (const lane of ['fast', 'full'] as const)
  describe(`an endpoint that fails, in the ${lane} lane`, { timeout: 120_000 }, () => {
    it(`in one of ${injections.length} ways harms nobody but its own call, and that not without a word`, async (t) => {
      const built = await stage();
      t.after(() => built.stop());
      const { sidecar, played, stop } = await sidecarFor(built, lane);
      t.after(stop);
      const wrong = (await Promise.all(built.scenes.map((scene) => play(scene, played)))).flat();
      const { length } = built.scenes;
      t.diagnostic(`${lane} lane: ${length} failures injected, ${length * (besides + 2)} calls and more, ${wrong.length} wrong`);
      deepEqual(wrong, []);

      const metrics = async (): Promise<string> => (await fetch(`http://${await sidecar.at('health')}/metrics`)).text();
      await eventually(async () => !/^zidecar_requests_in_flight\{.*\} [1-9]/m.test(await metrics()));
      match(await metrics(), new RegExp(`^zidecar_lane_calls_total\\{lane="${lane}"\\} [1-9]`, 'm'));
      equal(sidecar.other, '');
    });
  });
