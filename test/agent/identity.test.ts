import { equal, match, notEqual, ok } from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { advertisedHost, instanceId } from '../../agent/identity.js';

describe('advertised host', () => {
  it('is the address of the pod where there is one', async () => {
    equal((await advertisedHost('10.1.2.3', [{ host: '127.0.0.1', port: 2181 }])).host, '10.1.2.3');
  });

  it('is loopback, with a warning, for the embedded tree and for ZooKeeper on loopback', async () => {
    for (const servers of [[], [{ host: 'localhost', port: 2181 }], [{ host: '127.0.0.7', port: 2181 }]]) {
      const { host, warning } = await advertisedHost(undefined, servers);
      equal(host, '127.0.0.1');
      match(warning ?? '', /ZIDECAR_ADVERTISE/);
    }
  });

  it('is an address, with a warning, when no name of ZooKeeper resolves', async () => {
    const { host, warning } = await advertisedHost(undefined, [{ host: 'no-such-host.invalid', port: 2181 }]);
    ok(isIP(host) !== 0);
    match(warning ?? '', /ZIDECAR_ADVERTISE/);
  });
});

describe('instance id', () => {
  it('is the pod with the first eight of its uid', () => {
    equal(instanceId('orders', '10.1.2.3', 8080, { name: 'orders-7d4b', uid: '1f0c9a2e-aaaa' }), 'orders-7d4b-1f0c9a2e');
  });

  it('is elsewhere a UUID of version 5 that depends on service, host and port only', () => {
    const id = instanceId('orders', '10.1.2.3', 8080, {});
    match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    equal(id, instanceId('orders', '10.1.2.3', 8080, {}));
    notEqual(id, instanceId('orders', '10.1.2.3', 8081, {}));
  });
});
