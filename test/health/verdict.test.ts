import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../support/fast-check.js';
import type { ProbeResult } from '../../health/probe.js';
import { Verdict } from '../../health/verdict.js';

/** 'P' passes, 'F' fails, '?' could not be run. */
const result = (letter: string): ProbeResult =>
  letter === 'P' ? { kind: 'pass' } : { kind: letter === 'F' ? 'fail' : 'unknown', why: 'because' };

/** The verdict after each probe, 'U' or 'd'. */
const replay = (rise: number, fall: number, probes: string): string => {
  const verdict = new Verdict({ rise, fall });
  return Array.from(probes, (letter) => (verdict.observe(result(letter)), verdict.up ? 'U' : 'd')).join('');
};

describe('verdict', () => {
  for (const [claim, rise, fall, probes, expected] of [
    ['starts down, and comes up after `rise` passes in a row', 2, 3, 'PP', 'dU'],
    ['stays down while passes are not in a row', 2, 3, 'PFPFP', 'ddddd'],
    ['goes down after `fall` fails in a row', 1, 3, 'PFFF', 'UUUd'],
    ['starts the count again on one result the other way', 1, 3, 'PFFPFFPFF', 'UUUUUUUUU'],
    ['needs the whole rise again after a fall', 2, 1, 'PPFPP', 'dUddU'],
    ['takes an unknown neither for a pass nor for a fail', 1, 1, '?P???', 'dUUUU'],
    ['goes on counting across an unknown', 2, 2, 'P?PF?F', 'ddUUUd'],
  ] as const) {
    it(claim, () => equal(replay(rise, fall, probes), expected));
  }

  it('is doubted while the last evidence disagrees with it, through an unknown', () => {
    const verdict = new Verdict({ rise: 1, fall: 3 });
    deepEqual(
      Array.from('PF?PFFF', (letter) => (verdict.observe(result(letter)), verdict.doubted)),
      [false, true, true, false, true, true, false],
    );
  });

  it('says why it changed, and only then', () => {
    const verdict = new Verdict({ rise: 1, fall: 3 });
    deepEqual(
      Array.from('PPFFF', (letter) => verdict.observe(result(letter))),
      ['passed once', undefined, undefined, undefined, 'failed 3 times in a row, the last: because'],
    );
  });

  it('is the same with every unknown left out', () => {
    const letters = fc.string({ unit: fc.constantFrom('P', 'F', '?'), maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), letters, (rise, fall, probes) => {
        equal(replay(rise, fall, probes).at(-1) ?? 'd', replay(rise, fall, probes.replaceAll('?', '')).at(-1) ?? 'd');
      }),
    );
  });
});
