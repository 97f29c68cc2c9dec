import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readiness, type Standing } from '../../agent/readiness.js';

const standing: Standing = { outboundOpen: true, closing: false, waitingFor: [], waitedMs: 0, startWaitMs: 5_000 };

describe('readiness', () => {
  for (const [what, differs, ready, why] of [
    ['says yes when outbound accepts and nobody is waited for', {}, true, 'ready'],
    ['says no before outbound accepts', { outboundOpen: false }, false, 'starting'],
    ['waits for the lists of named peers', { waitingFor: ['orders'] }, false, 'waiting for the first list of orders'],
    ['waits no longer than START_WAIT', { waitingFor: ['orders'], waitedMs: 5_000 }, true, 'ready, without a list of orders yet'],
    [
      'waits for ever when told so',
      { waitingFor: ['a'], waitedMs: 1e9, startWaitMs: undefined },
      false,
      'waiting for the first list of a',
    ],
    ['says no once closing has begun', { closing: true }, false, 'closing'],
  ] as const) {
    it(what, () => deepEqual(readiness({ ...standing, ...differs }), { ready, why }));
  }
});
