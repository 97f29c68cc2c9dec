import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOdd, LastCalls, mostPastCalls, type EndedCall } from '../../lb/last-calls.js';
import { address } from '../../lb/endpoint.js';
import { Tries } from '../../lb/tries.js';
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

  it('name whom another was faster than, and whether that speaks against it', () => {
    const [a, b] = [endpoint('a'), endpoint('b')];
    const sends = (winner: typeof a, became: number): unknown => {
      const [calls, tries] = [new LastCalls(() => 7), new Tries()];
      tries.begin(undefined, undefined);
      tries.sent(a);
      tries.sent(b);
      tries.asked = winner;
      calls.add(call('1', { attempts: 2, endpoint: address(winner), givenUp: tries.givenUp }), tries.past, became);
      return calls.list()[0]!.givenUp;
    };
    deepEqual(sends(b, 200), [{ endpoint: address(a), outrun: true }]);
    deepEqual(sends(b, 503), [{ endpoint: address(a), outrun: false }]);
    deepEqual(sends(a, 200), [{ endpoint: address(b), outrun: false }]);
    const failed = new Tries();
    failed.begin(undefined, undefined);
    failed.sent(a);
    failed.failed(a, { code: 'reset', message: '', sent: 'all', kept: false });
    failed.sent(b);
    deepEqual(failed.givenUp, []);
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
      ...{ endpoint: '1.2.3.4:5', givenUp: [], status: 502, code: 'cut', ms: 1.3 },
    });
    deepEqual(
      before.map(({ became }) => became),
      ['reset', '503'],
    );
  });
});
