import { deepEqual } from 'node:assert/strict';
import { it } from 'node:test';
import { outOfTime } from '../../lb/outcome.js';

it('the end of a call is held against who was silent for most of its time', () => {
  deepEqual(
    [0, 499, 500, 1_000].map((silentMs) => outOfTime(silentMs, 1_000)),
    [
      { kind: 'ignored' },
      { kind: 'ignored' },
      { kind: 'failure', code: 'response_timeout', ms: 500 },
      { kind: 'failure', code: 'response_timeout', ms: 1_000 },
    ],
  );
});
