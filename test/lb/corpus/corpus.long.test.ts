/** The corpus, each message at one go, byte by byte, and in two at places by chance; `run.js LANE :` takes every place, and its time. */
import { deepEqual } from 'node:assert/strict';
import { it } from 'node:test';
import { seeded } from '../../support/random.js';
import { Stage } from './play.js';
import { runCorpus, sampled, summary } from './run.js';

for (const lane of ['full', 'fast'] as const)
  it(`no message of the corpus is unsafe in the ${lane} lane, wherever it is split`, async (t) => {
    const stage = await Stage.open(lane);
    t.after(() => stage.close());
    const tally = await runCorpus(stage, sampled(seeded(Number(process.env['SEED'] ?? 1125))));
    t.diagnostic(summary(lane, tally));
    deepEqual(tally.unsafe, []);
  });
