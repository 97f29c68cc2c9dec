import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { durationOf, grpcDurationOf, grpcTimeoutOf, least, withTimeLeft } from '../../lb/deadline.js';
import { requestFields } from '../../lb/headers.js';

describe('the time of a call', () => {
  it('is one duration with a unit, from 1 ms to 24 h', () => {
    const table = { '1ms': 1, '2s': 2_000, '3m': 180_000, '24h': 86_400_000, '0ms': undefined, '25h': undefined, '5': undefined };
    for (const [text, ms] of Object.entries({ ...table, '1.5s': undefined, ' 1s': undefined, '1 s': undefined, '': undefined }))
      equal(durationOf(text), ms, text);
  });

  it('is for gRPC up to eight digits and a letter', () => {
    const table = {
      '1n': 1,
      '999u': 1,
      '1500u': 2,
      '5m': 5,
      '5S': 5_000,
      '5M': 300_000,
      '5H': 18_000_000,
      '99999999H': 86_400_000,
    };
    const none = { '5s': undefined, '123456789m': undefined, '-1S': undefined, S: undefined, '': undefined };
    for (const [text, ms] of Object.entries({ ...table, ...none })) equal(grpcDurationOf(text), ms, text);
    deepEqual([grpcTimeoutOf(['1S', '2S']), grpcTimeoutOf([])], [undefined, undefined]);
  });

  it('is shortened by the app, never lengthened, and is the least of what it says', () => {
    deepEqual(
      [least(5, 3), least(3, 5), least(undefined, 3), least(5, undefined), least(undefined, undefined)],
      [3, 3, 3, 5, undefined],
    );
    const rules = { host: 'orders', version: '1.1', pseudonym: 'zidecar-7f', newRequestId: () => 'made' } as const;
    const fields = requestFields(['x-zidecar-timeout', '2s', 'grpc-timeout', '1S'], rules);
    equal('code' in fields ? undefined : fields.timeoutMs, 1_000);
  });

  it('goes on as what is left, wherever the app has said it, and nowhere else', () => {
    const fields = [
      'Host',
      'a',
      'X-Zidecar-Timeout',
      '2s',
      'GRPC-Timeout',
      '3S',
      'grpc-timeout',
      'soon',
      'x',
      'x-zidecar-timeout',
    ];
    const told = (ms: number): string[] => withTimeLeft(fields, ms);
    deepEqual(told(1_234.9), ['Host', 'a', 'X-Zidecar-Timeout', '1234ms', 'GRPC-Timeout', '1234m', ...fields.slice(6)]);
    deepEqual([told(0)[3], told(-5)[5], told(Infinity)[3]], ['1ms', '1m', '86400000ms']);
  });
});
