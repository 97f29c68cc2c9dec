import { equal, match, notEqual, ok } from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { addressTowards, instanceId } from '../../agent/identity.js';

describe('the address towards ZooKeeper', () => {
  it('is the one that the kernel would send from', async () => {
    equal((await addressTowards([{ host: '127.0.0.7', port: 2181 }])).host, '127.0.0.1');
  });

  it('passes over a name that does not resolve', async () => {
    const { host, warning } = await addressTowards([
      { host: 'no-such-host.invalid', port: 2181 },
      { host: '127.0.0.7', port: 2181 },
    ]);
    equal(host, '127.0.0.1');
    equal(warning, undefined);
  });

  it('is an address of the machine, with a warning, when no name resolves', async () => {
    const { host, warning } = await addressTowards([{ host: 'no-such-host.invalid', port: 2181 }]);
    ok(isIP(host) !== 0);
    match(warning ?? '', /ZIDECAR_ADVERTISE/);
  });
});

describe('instance id', () => {
  it('is a UUID of version 5 that depends on service, host and port only', () => {
    const id = instanceId('orders', '10.1.2.3', 8080);
    match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    equal(id, instanceId('orders', '10.1.2.3', 8080));
    notEqual(id, instanceId('orders', '10.1.2.3', 8081));
  });
});
