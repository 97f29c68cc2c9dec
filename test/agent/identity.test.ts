import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { addressTowards, foreignAddresses, instanceId, ownNames, ownRoute } from '../../agent/identity.js';
import { clock } from '../../agent/system.js';
import { FakeClock } from '../support/clock.js';

/** What the resolver of a machine says, which may take its time or be away. */
const unknown = (host: string): Promise<string> => Promise.reject(new Error(`getaddrinfo ENOTFOUND ${host}`));

describe('the address towards ZooKeeper', () => {
  it('is the one that the kernel would send from', async () => {
    equal((await addressTowards([{ host: '127.0.0.7', port: 2181 }], clock)).host, '127.0.0.1');
  });

  it('passes over a name that does not resolve', async () => {
    const { host, warning } = await addressTowards(
      [
        { host: 'no-such-host.invalid', port: 2181 },
        { host: '127.0.0.7', port: 2181 },
      ],
      new FakeClock(),
      unknown,
    );
    equal(host, '127.0.0.1');
    equal(warning, undefined);
  });

  it('is an address of the machine, with a warning, when no name resolves', async () => {
    const { host, warning } = await addressTowards([{ host: 'no-such-host.invalid', port: 2181 }], new FakeClock(), unknown);
    ok(isIP(host) !== 0);
    match(warning ?? '', /ZIDECAR_ADVERTISE/);
  });

  it('is one of the machine, with a warning, 2 s after a resolver was asked that does not answer', async () => {
    const fake = new FakeClock();
    const asked = addressTowards([{ host: 'zk', port: 2181 }], fake, () => new Promise(() => undefined));
    await fake.advance(2_000);
    match((await asked).warning ?? '', /no name of ZooKeeper resolves/);
  });

  it('is looked for only where nobody has set one', async () => {
    const zookeeper = { kind: 'zookeeper', servers: [{ host: '127.0.0.7', port: 2181 }], chroot: '' } as const;
    const given = { zookeeper, announcements: [], forwarded: 'keep', advertise: undefined } as const;
    equal(await ownRoute(given, clock), undefined);
    equal((await ownRoute({ ...given, forwarded: 'append' }, clock))?.host, '127.0.0.1');
    equal(await ownRoute({ ...given, forwarded: 'append', advertise: { host: '10.1.2.3' } }, clock), undefined);
  });
});

describe('an address that peers are told', () => {
  const told = (...hosts: readonly string[]): readonly string[] =>
    foreignAddresses(
      hosts.map((host) => ({ advertise: { host } })),
      ['127.0.0.1', '10.1.2.3', 'fe80::1', 'fd00::2'],
    );

  it('is doubted once, with what the machine has, where the machine does not have it', () => {
    deepEqual(told('10.1.2.4', '10.1.2.4'), [
      'peers are told 10.1.2.4, which is no address of this machine (it has 10.1.2.3, fe80::1, fd00::2): ' +
        'right behind a NAT; else set ZIDECAR_ADVERTISE to one that it has',
    ]);
  });

  it('is not doubted where it has, however that is written, nor is a name or loopback', () => {
    deepEqual(told('10.1.2.3', 'FD00:0::2', '127.0.0.9', '::1', 'orders.example'), []);
    deepEqual(foreignAddresses([{}], []), []);
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

describe('the names of this machine', () => {
  it('are what it is called, unless that is what every machine is called', () => {
    deepEqual(ownNames('Orders-7f'), ['orders-7f']);
    for (const name of ['', 'localhost', 'localhost.localdomain', 'LOCALHOST']) deepEqual(ownNames(name), []);
  });
});
