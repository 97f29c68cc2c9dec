import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PIECE, sorted } from '../../../agent/registry/sorted.js';
import { whole } from '../../../agent/registry/wire/turns.js';
import { fc } from '../../support/fast-check.js';

describe('sorted names', () => {
  it('are in the order of sort, however many there are', () => {
    const names = fc.array(fc.string({ unit: 'binary', maxLength: 3 }), { maxLength: 5 * PIECE, size: 'max' });
    fc.assert(
      fc.property(names, (some) => deepEqual(whole(sorted(some)), [...some].sort())),
      { numRuns: 50 },
    );
  });

  it('are found in pieces, and few of them in one', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => String((index * 7_919) % 20_000));
    const pieces = [...sorted(names)].length;
    equal(pieces > 500, true, `${pieces} pieces`);
    deepEqual([...sorted(names.slice(0, PIECE))], []);
  });
});
