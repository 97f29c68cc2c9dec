/** Servers that have lost their majority, and serve those who only read. */
import { equal, match, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { ensemble, requireZooKeeper, type ZooKeeperServer } from '../../../support/zookeeper.js';
import type { WatchEvent } from '../../../../agent/registry/wire/watches.js';
import { bytes, until } from '../tree-contract.js';
import { FakeServer } from './fake-server.js';
import { opened } from './opened.js';

describe('an ensemble without a majority', { skip: !requireZooKeeper() }, () => {
  let servers: readonly ZooKeeperServer[] = [];
  before(async () => {
    servers = await ensemble(3, {
      '-Dreadonlymode.enabled': true,
      localSessionsEnabled: true, // or they let nobody in
      localSessionsUpgradingEnabled: true,
    });
  });
  after(() => Promise.all(servers.map((server) => server.remove())));

  it('serves reads to those who take them, and its session becomes a full one with the majority', async () => {
    const [one, two, three] = servers as [ZooKeeperServer, ZooKeeperServer, ZooKeeperServer];
    const first = opened([one], { timeoutMs: 30_000 });
    await first.up();
    match((await first.client.getConfig()).data.toString(), /server\.3=/);
    await first.client.create('/read-only', bytes('x'));
    await first.client.close();
    await Promise.all([two.kill(), three.kill()]);
    await until(async () => (await one.mode()) === 'read', 'it to be read-only');
    const [reader, writer] = [true, false].map((takesReadOnly) => opened(servers, { timeoutMs: 30_000, takesReadOnly }));
    equal((await reader!.up()).isReadOnly, true);
    equal((await reader!.client.getData('/read-only')).data.toString(), 'x');
    const heard: WatchEvent[] = [];
    await reader!.client.getData('/read-only', (event) => heard.push(event));
    await rejects(reader!.client.setData('/read-only', bytes('y')), { code: 'NOT_READ_ONLY' });
    equal(writer!.ups.length, 0, 'who does not take them is at none');
    await Promise.all([two.start(), three.start()]);
    await writer!.up();
    await until(() => reader!.ups.at(-1)?.isReadOnly === false, 'a server that can write');
    equal(reader!.overs.length, 0);
    await writer!.client.setData('/read-only', bytes('z'));
    await until(() => heard.length === 1, 'the watch, which came along');
    await reader!.client.setData('/read-only', bytes('y'));
    await Promise.all([reader!.client.close(), writer!.client.close()]);
  });
});

it('a search for a server that can write lets go of whom it asks when its stay is over', async (t) => {
  const reader = await FakeServer.start({
    onGreeting: (guest) => guest.say((writer) => writer.int(0).int(6_000).long(1n).bytes(Buffer.alloc(16)).bool(true)),
  });
  const silent = createServer().listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  silent.on('connection', (socket) => socket.on('error', () => undefined));
  const { port } = silent.address() as AddressInfo;
  const { client, up } = opened([reader, { host: '127.0.0.1', port }], { takesReadOnly: true });
  equal((await up()).isReadOnly, true);
  const [asked] = (await once(silent, 'connection')) as [Socket];
  equal(String(await once(asked, 'data')), 'isro');
  client.drop();
  await until(() => asked.closed, 'the end of what was asked');
  await reader.stop();
});
