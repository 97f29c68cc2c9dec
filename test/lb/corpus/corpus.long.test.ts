/** The corpus, each message at one go, byte by byte, and in two at every place. */
import { deepEqual } from 'node:assert/strict';
import { it } from 'node:test';
import { Stage } from './play.js';
import { everywhere, runCorpus, summary } from './run.js';

for (const lane of ['full', 'fast'] as const)
  it(`no message of the corpus is unsafe in the ${lane} lane, wherever it is split`, async (t) => {
    const stage = await Stage.open(lane);
    t.after(() => stage.close());
    const tally = await runCorpus(stage, everywhere);
    t.diagnostic(summary(lane, tally));
    deepEqual(tally.unsafe, []);
  });
