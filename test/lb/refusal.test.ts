import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failures, type FailureCode } from '../../lb/errors.js';
import { refusalAnswer } from '../../lb/refusal.js';

const valueOf = (fields: readonly string[], name: string): string | undefined => fields[fields.indexOf(name) + 1];

describe('refusal', () => {
  it('is a status, a code to read by machine, and a sentence to read by a person', () => {
    const { status, fields, body } = refusalAnswer({ code: 'no_endpoints', message: 'nobody "there"' });
    equal(status, 503);
    deepEqual(JSON.parse(body.toString()), { error: 'no_endpoints', message: 'nobody "there"' });
    deepEqual(fields, [
      'content-type',
      'application/json',
      'content-length',
      String(body.length),
      'x-zidecar-error',
      'no_endpoints',
    ]);
  });

  it('has the status that the table gives, and 502 where an answer had begun that was never sent', () => {
    for (const code of Object.keys(failures) as FailureCode[]) {
      const { status } = refusalAnswer({ code, message: '' });
      equal(status, failures[code].status === 0 ? 502 : failures[code].status);
    }
  });

  it('tells when to come back in whole seconds, one at least', () => {
    const after = (retryAfterMs: number) =>
      valueOf(refusalAnswer({ code: 'all_open', message: '', retryAfterMs }).fields, 'retry-after');
    deepEqual([0, 1, 1_000, 1_001].map(after), ['1', '1', '1', '2']);
  });

  it('ends the connection where the framing was in doubt, or when it is told to', () => {
    const ends = (code: FailureCode, close = false) =>
      refusalAnswer({ code, message: '' }, { close }).fields.includes('connection');
    deepEqual(
      [ends('bad_request'), ends('head_too_large'), ends('no_endpoints'), ends('no_endpoints', true)],
      [true, true, false, true],
    );
  });

  it('stays short whatever it has to quote', () => {
    ok(refusalAnswer({ code: 'bad_request', message: 'é\0'.repeat(100_000) }).body.length < 10_000);
  });
});
