import { deepEqual } from 'node:assert/strict';
import { it } from 'node:test';
import { failures, type FailureCode } from '../../lb/errors.js';
import { failed, outOfTime } from '../../lb/outcome.js';

it('what the endpoint did is held against it; what the caller, its own deadline or this machine did against nobody', () => {
  const blamed = (Object.keys(failures) as FailureCode[]).filter((code) => failed(code, 1).kind === 'failure');
  deepEqual(blamed, [
    ...['connect_refused', 'connect_failed', 'connect_timeout', 'unproven', 'reset', 'response_timeout', 'bad_answer'],
    ...['bad_upgrade', 'cut', 'body_timeout'],
  ]);
  for (const code of ['local', 'client_gone', 'client_body_timeout', 'request_timeout', 'overflow'] as const)
    deepEqual(failed(code, 1), { kind: 'ignored' });
});

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
