import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolve, type Inputs } from '../../../agent/config/layers.js';
import { nearest } from '../../../agent/config/nearest.js';
import { integer } from '../../../agent/config/parse.js';
import { envName, keys } from '../../../agent/config/schema.js';
import type { Setting } from '../../../agent/config/setting.js';

describe('a secret', () => {
  const pin: Setting<number | undefined> = {
    ...{ grammar: integer(1000, 9999), fallback: undefined, unset: 'none', about: 'A secret.' },
    ...{ scope: 'process', required: false, reloadable: false, secret: true },
  };
  const read = (inputs: Inputs): { readonly entry: unknown; readonly problems: readonly string[] } => {
    const problems: string[] = [];
    return { entry: resolve({ pin }, inputs, undefined, problems).entries.get('pin'), problems };
  };

  it('has a value and no text', () => {
    deepEqual(read({ env: { ZIDECAR_PIN: '1234' } }).entry, {
      value: 1234,
      text: '(hidden)',
      origin: { from: 'env', name: 'ZIDECAR_PIN' },
    });
  });

  it('may be in a file', () => {
    deepEqual(read({ env: { ZIDECAR_PIN_FILE: '/run/pin' }, readFile: (path) => (path === '/run/pin' ? '1234\n' : '') }).entry, {
      value: 1234,
      text: '(hidden)',
      origin: { from: 'env', name: 'ZIDECAR_PIN_FILE', path: '/run/pin' },
    });
  });

  it('that is wrong is not told', () => {
    const secret = '77771';
    for (const inputs of [{ env: { ZIDECAR_PIN: secret } }, { env: { ZIDECAR_PIN_FILE: 'x' }, readFile: () => secret }]) {
      const { problems } = read(inputs);
      equal(problems.length, 1);
      ok(!problems[0]!.includes(secret) && problems[0]!.includes('(hidden) is not accepted'), problems[0]);
    }
  });

  it('cannot be given in both ways, and its file must be readable', () => {
    deepEqual(read({ env: { ZIDECAR_PIN: '1234', ZIDECAR_PIN_FILE: 'x' } }).problems, [
      'ZIDECAR_PIN and ZIDECAR_PIN_FILE are both set; one of them is enough',
    ]);
    const { problems } = read({ env: { ZIDECAR_PIN_FILE: '/no/such/file' } });
    ok(problems[0]!.startsWith('ZIDECAR_PIN_FILE="/no/such/file" cannot be read: '), problems[0]);
  });
});

describe('the nearest name', () => {
  for (const [asked, expected] of [
    ['ZIDECAR_ZOKEEPER', 'ZIDECAR_ZOOKEEPER'],
    ['ZIDECAR_PORT', 'ZIDECAR_APP_PORT'],
    ['ZIDECAR_SERVICE_NAME', 'ZIDECAR_SERVICE'],
    ['ZIDECAR_HEALTH_PORT', 'ZIDECAR_HEALTH'],
    ['ZIDECAR_LOGLEVEL', 'ZIDECAR_LOG_LEVEL'],
    ['ZIDECAR_INTERVAL', 'ZIDECAR_PROBE_INTERVAL'],
    ['ZIDECAR_UPSTREAM', 'ZIDECAR_UPSTREAMS'],
    ['probe_timeout', 'ZIDECAR_PROBE_TIMEOUT'],
    ['probeTimeout', 'ZIDECAR_PROBE_TIMEOUT'],
    ['--probe-timeout', 'ZIDECAR_PROBE_TIMEOUT'],
  ] as const) {
    it(`to ${asked} is ${expected}`, () => equal(nearest(asked, keys.map(envName)), expected));
  }

  it('is found for any text, quickly', () => {
    for (const asked of ['', '_', '\u0000', 'x'.repeat(1_000_000)]) ok(keys.includes(nearest(asked, keys) as 'zone'));
    equal(nearest('x', []), '');
  });
});
