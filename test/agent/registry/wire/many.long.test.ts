/** A fleet of 100,000 in one folder, followed node by node: what it costs, and that a lost connection loses nothing of it. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import { clock, random } from '../../../../agent/system.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, connected, until } from '../tree-contract.js';
import { BadLine } from './bad-line.js';
import { opened } from './opened.js';

const COUNT = 100_000;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('100,000 nodes that are watched', { skip: !requireZooKeeper(), timeout: 600_000 }, () => {
  it('cost less than 300 bytes each and the server one watch, and hear what changed while the connection was lost', async () => {
    const server = await ZooKeeperServer.start();
    const line = await BadLine.to(server);
    const other = opened([server], { timeoutMs: 40_000 });
    await other.up();
    await other.client.create('/many');
    const path = (index: number): string => `/many/10.0.${index >> 8}.${index & 255}:8080`;
    for (let from = 0; from < COUNT; from += 1_000) {
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => other.client.create(path(from + index))));
    }
    const tree = openZooKeeper({
      ...{ servers: [line], chroot: '', sessionTimeoutMs: 40_000, client: { kind: 'wire' } },
      ...{ clock, random, emit: () => undefined },
    });
    await connected(tree);
    let fired = 0;
    const hear = (): void => {
      fired++;
    };
    collect();
    const before = process.memoryUsage().heapUsed;
    equal((await tree.children('/many', hear))?.names.length, COUNT);
    for (let from = 0; from < COUNT; from += 500)
      await Promise.all(Array.from({ length: 500 }, (_, index) => tree.exists(path(from + index), hear)));
    collect();
    const each = (process.memoryUsage().heapUsed - before) / COUNT;
    ok(each < 300, `${Math.round(each)} bytes each`);
    equal(tree.watches, COUNT + 1);
    equal(Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]), 1);
    const { session } = tree;
    line.cut();
    await until(() => tree.session.state === 'suspended', 'the loss');
    for (const index of [0, 50_000, 99_999]) await other.client.setData(path(index), bytes('x'));
    await other.client.delete(path(7));
    line.heal();
    await connected(tree);
    deepEqual([tree.session.id, fired], [session.id, 5], 'three changes, one leave, and the list');
    await tree.close();
    await other.client.close();
    await line.stop();
    await server.remove();
  });
});
