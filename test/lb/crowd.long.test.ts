import { describe, it } from 'node:test';
import { crowd } from './crowd.js';

describe('1,000 slow clients', { concurrency: true }, () => {
  for (const lane of ['full', 'fast'] as const)
    it(`cost normal ones no call, and no endpoint its name: the ${lane} lane`, (t) => crowd(t, lane, 1_000));
});
