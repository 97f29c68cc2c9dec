import { equal, match, notEqual, ok } from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { addressTowards, instanceId, ownRoute } from '../../agent/identity.js';
import { clock } from '../../agent/system.js';
import { FakeClock } from '../support/clock.js';

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
      clock,
    );
    equal(host, '127.0.0.1');
    equal(warning, undefined);
  });

  it('is an address of the machine, with a warning, when no name resolves', async () => {
    const { host, warning } = await addressTowards([{ host: 'no-such-host.invalid', port: 2181 }], clock);
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

describe('instance id', () => {
  it('is a UUID of version 5 that depends on service, host and port only', () => {
    const id = instanceId('orders', '10.1.2.3', 8080);
    match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    equal(id, instanceId('orders', '10.1.2.3', 8080));
    notEqual(id, instanceId('orders', '10.1.2.3', 8081));
  });
});
