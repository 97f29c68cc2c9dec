import { deepEqual } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownAddress } from '../../agent/calling.js';

describe('what peers are told of us in x-forwarded-for', () => {
  it('is never a loopback address, which they would trust, nor a name', () => {
    const hosts = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost', 'orders.example'];
    deepEqual(
      hosts.map((host) => ownAddress({ advertise: { host } })),
      hosts.map(() => undefined),
    );
    deepEqual(ownAddress({ advertise: undefined }), undefined);
  });

  it('is the address that is announced', () => {
    deepEqual(ownAddress({ advertise: { host: '10.1.2.3', port: 80 } }), '10.1.2.3');
    deepEqual(ownAddress({ advertise: { host: 'pod' } }, '10.1.2.4'), '10.1.2.4');
    deepEqual(ownAddress({ advertise: undefined }, '127.0.0.1'), undefined);
  });
});
