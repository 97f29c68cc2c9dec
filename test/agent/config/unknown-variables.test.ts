import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, orders, problems, zk } from '../../support/load-config.js';

describe('an unknown name', () => {
  it('in the environment is refused with the nearest', () => {
    deepEqual(problems({ ...zk, ZIDECAR_PROBE_INTERVALL: '5s', ZIDECAR_PORT: '80', ZIDECAR_ZOOKEEPER_FILE: '/x' }), [
      'ZIDECAR_PORT is not a setting; the nearest is ZIDECAR_APP_PORT',
      'ZIDECAR_PROBE_INTERVALL is not a setting; the nearest is ZIDECAR_PROBE_INTERVAL',
      'ZIDECAR_ZOOKEEPER_FILE is not a setting; the nearest is ZIDECAR_ZOOKEEPER_AUTH_FILE',
    ]);
  });

  it('among the flags and in the file too', () => {
    deepEqual(problems(zk, undefined, { zoone: 'a' }), ['--zoone is not a flag; the nearest is --zone']);
    deepEqual(problems(zk, 'probe-interval: 5s\nannounces: []\nupstreams: {orders: {polcy: random}}'), [
      'z.yaml: probe-interval: unknown; the nearest is probeInterval',
      'z.yaml: announces: unknown; the nearest is announce',
      'z.yaml: upstreams.orders.polcy: unknown; the nearest is policy',
    ]);
  });

  it("is told of the first ten in a file that is another system's", () => {
    const told = problems(zk, Array.from({ length: 500 }, (_, index) => `kind${index}: Deployment`).join('\n'));
    deepEqual(told.length, 11);
    deepEqual(told.at(-1), 'z.yaml has 490 more keys that are unknown here: is it a file of something else?');
  });

  it('that Kubernetes makes for a Service is passed over with one warning', () => {
    const service = { HOST: '10.0.0.1', PORT: '443', PORT_HTTPS: '443' };
    const links = Object.fromEntries(Object.entries(service).map(([name, text]) => [`ZIDECAR_SERVICE_${name}`, text]));
    const ports = {
      ZIDECAR_PORT: 'tcp://10.0.0.1:443',
      ZIDECAR_PORT_443_TCP: 'tcp://10.0.0.1:443',
      ZIDECAR_PORT_443_TCP_ADDR: '10.0.0.1',
    };
    deepEqual(load({ ...zk, ...links, ...ports }).warnings, [
      'ignored, as Kubernetes makes such variables for Services: ZIDECAR_PORT, ZIDECAR_PORT_443_TCP, ZIDECAR_PORT_443_TCP_ADDR, ' +
        'ZIDECAR_SERVICE_HOST, ZIDECAR_SERVICE_PORT and 1 more (the nearest setting to the first is ZIDECAR_APP_PORT)',
    ]);
  });

  it('of a setting that Kubernetes has overwritten gets the way out', () => {
    deepEqual(problems({ ...orders, ZIDECAR_APP_PORT: 'tcp://10.0.0.1:80' }), [
      'ZIDECAR_APP_PORT="tcp://10.0.0.1:80" is what Kubernetes sets for a Service named zidecar-app: rename that, or set ' +
        'enableServiceLinks: false in the pod; accepted: a whole number from 1 to 65535',
    ]);
  });
});
