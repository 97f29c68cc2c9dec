/** zidecar with other settings than those that it comes with: what each of them costs a call. */
import type { Contender } from './contender.js';
import { zidecar } from './zidecar.js';

const rates = { ZIDECAR_CIRCUIT_FAILURE_RATE: '50', ZIDECAR_CIRCUIT_SLOW_CALL: '2s' };
const checks = { ZIDECAR_CHECK: 'http:/healthz', ZIDECAR_CHECK_INTERVAL: '1s' };
const split = { ZIDECAR_SPLIT: 'version=v0:5' };
/** As far as it can be switched off. */
const least = {
  ...{
    ZIDECAR_CIRCUIT_FAILURES: '1000',
    ZIDECAR_OUTLIER: 'off',
    ZIDECAR_SLOW_START: 'off',
    ZIDECAR_RETRIES: '0',
    ZIDECAR_RETRY_ON: 'off',
  },
  ...{ ZIDECAR_MAX_CONNECTIONS: '1000000', ZIDECAR_MAX_PENDING: '1000000', ZIDECAR_MAX_REQUESTS: '1000000' },
};

const rows: readonly (readonly [id: string, title: string, env: Readonly<Record<string, string>>, field?: string])[] = [
  ['least', 'no ejection, retries, slow start; no limit near', least],
  ['shadow', 'SHADOW=all', { ZIDECAR_SHADOW: 'all' }],
  ['rates', 'CIRCUIT_FAILURE_RATE, CIRCUIT_SLOW_CALL', rates],
  ['checks', 'CHECK each second', checks],
  ['hedge', 'HEDGE=1s, which none needs', { ZIDECAR_HEDGE: '1s' }],
  ['hedge-p95', 'HEDGE=p95', { ZIDECAR_HEDGE: 'p95' }],
  ['deadline', 'x-zidecar-timeout in each call', {}, 'x-zidecar-timeout: 5s'],
  ['grpc-timeout', 'grpc-timeout in each call', {}, 'grpc-timeout: 5S'],
  ['ewma', 'POLICY=peak_ewma', { ZIDECAR_POLICY: 'peak_ewma' }],
  ['maglev', 'POLICY=maglev by a header', { ZIDECAR_POLICY: 'maglev', ZIDECAR_HASH_KEY: 'header:traceparent' }],
  ['subset', 'x-zidecar-subset in each call', {}, 'x-zidecar-subset: version=v0'],
  ['split', 'SPLIT by a label', split],
  ['access-log', 'ACCESS_LOG=on', { ZIDECAR_ACCESS_LOG: 'on' }],
  [
    'all',
    'rates, checks, HEDGE=1s, peak_ewma, SPLIT',
    { ...rates, ...checks, ...split, ZIDECAR_HEDGE: '1s', ZIDECAR_POLICY: 'peak_ewma' },
  ],
];

export const settings: readonly Contender[] = rows.map(([id, title, env, field]) =>
  zidecar(`with-${id}`, title, { fastLane: true, env, ...(field !== undefined && { field }) }),
);
