/** 20,000 watches and a load of reads, while the only server is killed, and then loses all that it knew. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { RegistryError } from '../../../../agent/registry/tree.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { until } from '../tree-contract.js';
import { opened } from '../wire/opened.js';
import { closeAll, opening } from './open.js';

const COUNT = 20_000;
const AT_ONCE = 500;
const READERS = 32;
const path = (index: number): string => `/wiped/10.0.${index >> 8}.${index & 255}:8080`;
/** What a read may end with while the servers are away. */
const passing = ['connection_lost', 'disconnected', 'expired'];

async function each(act: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < COUNT; from += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => act(from + index)));
}

describe('20,000 watches under load, by the wire client', { skip: !requireZooKeeper() }, () => {
  after(() => closeAll());

  it('stay over a kill; when the data is wiped too, each is told once, and a new session takes them', async (t) => {
    const server = await ZooKeeperServer.start({ '-Xmx512m': '' });
    t.after(() => server.remove());
    const made = opened([server], { timeoutMs: 60_000 });
    await made.up();
    await made.client.create('/wiped');
    await each((index) => made.client.create(path(index)));
    await made.client.close();

    const { tree, story } = opening({ kind: 'wire' })([server], { sessionTimeoutMs: 10_000 });
    const inSession = (epoch: number): Promise<void> =>
      until(() => tree.session.state === 'connected' && tree.session.epoch === epoch, `session ${epoch}, and not\n${story()}`);
    const watched = async (): Promise<string | undefined> => /Total watches:(\d+)/.exec(await server.ask('wchs'))?.[1];
    await inSession(1);
    let told = 0;
    await each((index) => tree.exists(path(index), () => told++));

    let isOver = false;
    const unexpected: unknown[] = [];
    const read = async (reader: number): Promise<void> => {
      for (let index = reader; !isOver; index = (index + READERS) % COUNT) {
        await tree.exists(path(index)).catch((error: unknown) => {
          if (!(error instanceof RegistryError && passing.includes(error.code))) unexpected.push(error);
          return new Promise(setImmediate);
        });
      }
    };
    const load = Array.from({ length: READERS }, (_, reader) => read(reader));

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
    await each((index) => tree.exists(path(index), () => told++));
    deepEqual([told, await watched()], [COUNT, String(COUNT)]);
    isOver = true;
    await Promise.all(load);
    deepEqual(unexpected, []);
    equal(tree.session.epoch, 2);
  });
});
