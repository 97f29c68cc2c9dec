/** 20,000 watches and a load of reads, while the only server is killed, and then loses all that it knew. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { until } from '../tree-contract.js';
import { opened } from '../wire/opened.js';
import { closeAll, opening } from './open.js';
import { COUNT, each, nodePath, reading } from './under-load.js';

describe('20,000 watches under load, by the wire client', { skip: !requireZooKeeper() }, () => {
  after(() => closeAll());

  it('stay over a kill; when the data is wiped too, each is told once, and a new session takes them', async (t) => {
    const server = await ZooKeeperServer.start({ '-Xmx512m': '' });
    t.after(() => server.remove());
    const made = opened([server], { timeoutMs: 60_000 });
    await made.up();
    await made.client.create('/many');
    await each((index) => made.client.create(nodePath(index)));
    await made.client.close();

    const { tree, story } = opening({ kind: 'wire' })([server], { sessionTimeoutMs: 10_000 });
    const inSession = (epoch: number): Promise<void> =>
      until(() => tree.session.state === 'connected' && tree.session.epoch === epoch, `session ${epoch}, and not\n${story()}`);
    const watched = async (): Promise<string | undefined> => /Total watches:(\d+)/.exec(await server.ask('wchs'))?.[1];
    await inSession(1);
    let told = 0;
    await each((index) => tree.exists(nodePath(index), () => told++));

    const endLoad = reading(tree);
    await server.kill();
    await until(() => tree.session.state === 'suspended', 'the loss');
    await server.start();
    await inSession(1);
    deepEqual([told, await watched()], [0, String(COUNT)]);

    await server.kill();
    server.wipe();
    await server.start();
    await inSession(2);
    await until(() => told === COUNT, 'each of them');
    await each((index) => tree.exists(nodePath(index), () => told++));
    deepEqual([told, await watched()], [COUNT, String(COUNT)]);
    deepEqual(await endLoad(), []);
    equal(tree.session.epoch, 2);
  });
});
