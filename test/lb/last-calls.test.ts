import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOdd, LastCalls, mostPastCalls, type EndedCall } from '../../lb/last-calls.js';
import { endpoint } from './seats.js';

const upstream = { name: 'orders' };
const call = (requestId: string, more: Partial<EndedCall> = {}): EndedCall => ({
  ...{ upstream, method: 'GET', target: '/x', requestId, attempts: 1, endpoint: undefined, ms: 1.26 },
  ...more,
});

describe('the last calls', () => {
  it('are those that are not plain', () => {
    const table = [
      [1, 200, false],
      [1, 404, false],
      [1, 499, false],
      [1, 500, true],
      [1, 'reset', true],
      [0, 'all_open', true],
      [2, 200, true],
    ] as const;
    for (const [attempts, became, odd] of table) equal(isOdd(attempts, became), odd, `${attempts} ${became}`);
  });

  it('are kept newest first, the oldest going when there are too many', () => {
    const calls = new LastCalls(() => 7);
    deepEqual(calls.list(), []);
    for (let n = 0; n < mostPastCalls + 5; n++) calls.add(call(String(n)), [], 200);
    const ids = calls.list().map(({ requestId }) => Number(requestId));
    deepEqual(
      ids,
      Array.from({ length: mostPastCalls }, (_, index) => mostPastCalls + 4 - index),
    );
  });

  it('tell each attempt, the code, and no query', () => {
    const calls = new LastCalls(() => 7);
    const past = [
      { endpoint: endpoint('a'), became: 'reset' },
      { endpoint: endpoint('b'), became: 503 },
    ];
    calls.add(call('1', { target: `/x?token=secret`, attempts: 3, endpoint: '1.2.3.4:5' }), past, 'cut');
    const [{ before, ...rest } = { before: [] }] = calls.list();
    deepEqual(rest, {
      ...{ at: 7, requestId: '1', upstream: 'orders', method: 'GET', target: '/x?…', attempts: 3 },
      ...{ endpoint: '1.2.3.4:5', status: 502, code: 'cut', ms: 1.3 },
    });
    deepEqual(
      before.map(({ became }) => became),
      ['reset', '503'],
    );
  });
});
