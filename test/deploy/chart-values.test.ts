/** Values that the chart does not take, each with a sentence that names it. */
import { deepEqual, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Json } from '../../deploy/inject/json.js';
import { withNames } from '../support/chart-schema.js';
import { CHART, render, requireHelm } from '../support/helm.js';

const zk = { sidecars: { zookeeper: 'zk:2181' } };

describe('the values of the chart', () => {
  it('have a schema that knows every setting by its name (npm run docs)', () => {
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Json;
    deepEqual(schema, withNames(schema));
  });

  for (const [what, values, message] of [
    ['a value that nobody knows', { ...zk, webhok: {} }, /additional properties 'webhok' not allowed/],
    ['four servers', { ...zk, zookeeper: { replicas: 4 } }, /value must be one of 3, 5/],
    ['a Service named zidecar', { ...zk, webhook: { name: 'zidecar' } }, /not' failed/],
    [
      'a setting that is none',
      { sidecars: { zookeeper: 'zk:2181', settings: { probeIntervall: '2s' } } },
      /'\/sidecars\/settings': additional properties 'probeIntervall' not allowed/,
    ],
    [
      'a word of the container that is none',
      { sidecars: { zookeeper: 'zk:2181', container: { 'memory-limits': '1Gi' } } },
      /'\/sidecars\/container': additional properties 'memory-limits' not allowed/,
    ],
    ['no ZooKeeper', {}, /sidecars\.zookeeper is empty and zookeeper\.enabled is false: name your ensemble/],
    ['cert-manager without an issuer', { ...zk, webhook: { certificates: { source: 'cert-manager' } } }, /name its issuer/],
    [
      'TLS without certificates',
      { ...zk, zookeeper: { enabled: true, tls: { enabled: true } } },
      /needs zookeeper\.tls\.issuer\.name, .* or zookeeper\.tls\.secretName/,
    ],
    [
      'TLS among servers alone',
      { zookeeper: { enabled: true, tls: { quorum: true } } },
      /tls\.quorum needs zookeeper\.tls\.enabled/,
    ],
  ] as const) {
    it(`are refused with ${what}`, (t) => {
      if (!requireHelm(t)) return;
      throws(() => render(values), message);
    });
  }
});
