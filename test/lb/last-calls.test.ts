import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../lb/endpoint.js';
import { isOdd, LastCalls, mostPastCalls, type Became, type EndedCall, type PastCall } from '../../lb/last-calls.js';
import { Tries } from '../../lb/tries.js';
import { endpoint } from './seats.js';

const upstream = { name: 'orders' };
const call = (requestId: string, more: Partial<EndedCall> = {}): EndedCall => ({
  ...{ upstream, method: 'GET', target: '/x', requestId, began: 0, ms: 1.26 },
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
    for (let n = 0; n < mostPastCalls + 5; n++) calls.add(call(String(n)), { attempts: 1, endpoint: undefined, sends: [] }, 200);
    const ids = calls.list().map(({ requestId }) => Number(requestId));
    deepEqual(
      ids,
      Array.from({ length: mostPastCalls }, (_, index) => mostPastCalls + 4 - index),
    );
  });

  /** What is remembered of a call that began at 100 and did this. */
  const told = (doing: (tries: Tries) => void, became: Became, ms: number): PastCall => {
    const [calls, tries] = [new LastCalls(() => 7), new Tries()];
    tries.begin(undefined, undefined);
    doing(tries);
    const { count: attempts, sends } = tries;
    calls.add(call('1', { target: '/x?token=secret', began: 100, ms }), { attempts, endpoint: undefined, sends }, became);
    return calls.list()[0]!;
  };
  const [a, b] = [endpoint('a'), endpoint('b')];
  const how = { message: '', sent: 'all', kept: false } as const;

  it('name whom another was faster than, and whether that speaks against it', () => {
    const ended = (winner: Endpoint, status: number): unknown =>
      told(
        (tries) => {
          tries.sent(a, 100);
          tries.sent(b, 150, true);
          tries.first(winner, status, 160);
        },
        status,
        65,
      ).sends.map(({ startMs, ms, became }) => [startMs, ms, became]);
    deepEqual(ended(b, 200), [
      [0, 60, 'outpaced'],
      [50, 15, '200'],
    ]);
    deepEqual(ended(b, 503), [
      [0, 60, 'given_up'],
      [50, 15, '503'],
    ]);
    deepEqual(ended(a, 200), [
      [0, 65, '200'],
      [50, 10, 'given_up'],
    ]);
  });

  it('tell each attempt with its times and the pause before it, the code, and no query', () => {
    const { sends, ...rest } = told(
      (tries) => {
        tries.sent(a, 102);
        tries.failed(a, { ...how, code: 'reset' }, 110);
        tries.sent(a, 110);
        tries.answered(a, 503, '', 120);
        tries.sent(b, 150.04);
      },
      'cut',
      61.26,
    );
    deepEqual(rest, {
      ...{ at: 7, requestId: '1', upstream: 'orders', method: 'GET', target: '/x?…', attempts: 3 },
      ...{ endpoint: null, status: 502, code: 'cut', ms: 61.3 },
    });
    deepEqual(
      sends.map(({ startMs, pauseMs, ms, became }) => [startMs, pauseMs, ms, became]),
      [
        [2, 0, 8, 'reset'],
        [10, 0, 10, '503'],
        [50, 30, 11.2, 'cut'],
      ],
    );
  });

  it('tell of all that ran when the call ended that they became what that did', () => {
    const { sends } = told(
      (tries) => {
        tries.sent(a, 100);
        tries.sent(b, 150, true);
        tries.failed(b, { ...how, code: 'request_timeout' }, 200);
      },
      'request_timeout',
      100,
    );
    deepEqual(
      sends.map(({ ms, became }) => [ms, became]),
      [
        [100, 'request_timeout'],
        [50, 'request_timeout'],
      ],
    );
  });
});
