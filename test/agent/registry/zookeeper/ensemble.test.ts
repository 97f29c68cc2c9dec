import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { random } from '../../../../agent/system.js';
import type { Spread, Tree } from '../../../../agent/registry/tree.js';
import { ensemble, leaderOf, requireZooKeeper, type ZooKeeperServer } from '../../../support/zookeeper.js';
import { bell, bytes, connected, until } from '../tree-contract.js';
import { byEach, closeAll, type Open, type Opened } from './open.js';

const nothing = new Uint8Array();
/** The servers are tried as they are named. */
const inOrder = { random: (): number => 0.999 };

/** Each test by all clients at once: what an election or a restart takes is waited for once. */
describe('a session with an ensemble of three', { skip: !requireZooKeeper() }, () => {
  let servers: readonly ZooKeeperServer[] = [];
  before(async () => (servers = await ensemble(3)));
  after(async () => {
    await closeAll();
    await Promise.all(servers.map((server) => server.remove()));
  });

  /** Without one of them the rest goes on at once. */
  const followers = async (): Promise<readonly [ZooKeeperServer, ZooKeeperServer]> => {
    const leader = await leaderOf(servers);
    return servers.filter((server) => server !== leader) as [ZooKeeperServer, ZooKeeperServer];
  };
  /** By its own word, as the native client does not tell. */
  const isAt = async (server: ZooKeeperServer, { session: { id } }: Tree): Promise<boolean> =>
    (await server.ask('cons')).includes(`sid=0x${id},`);
  /** At the first of them, where the other clients are too. */
  const openAt = async (open: Open, all: readonly ZooKeeperServer[], options: Parameters<Open>[1]): Promise<Opened> => {
    for (;;) {
      const opened = open(all, { ...inOrder, ...options });
      await connected(opened.tree);
      if (await isAt(all[0]!, opened.tree)) return opened;
      await opened.tree.close();
    }
  };
  /** A server that does not answer within a second is not counted, and on a busy machine that may be any. */
  const ofAll = async (tree: Tree, withinMs: number): Promise<Spread> => {
    for (;;) {
      const spread = await tree.spread!(withinMs);
      if (spread.servers === servers.length) return spread;
    }
  };
  const reconnected = async (states: () => readonly string[], losses = 1): Promise<void> => {
    await until(() => states().filter((state) => state === 'suspended').length >= losses, 'the loss to be noticed');
    await until(() => states().at(-1) === 'connected', 'the connection to come back');
  };

  it('outlives the leader, with its ephemerals and watches, whichever server it is at', async () => {
    const leader = await leaderOf(servers);
    await byEach(async ({ kind, open, long, together }) => {
      const opened = servers.map((server) => open([server, ...servers], { ...long, ...inOrder }));
      const trees = opened.map(({ tree }) => tree);
      await Promise.all(trees.map(connected));
      const sessions = trees.map(({ session }) => session);
      const path = `/leader-${kind}`;
      await trees[0]!.create(path, nothing, 'persistent');
      const bells = trees.map(bell);
      for (const [index, tree] of trees.entries()) {
        await tree.create(`${path}/${index}`, nothing, 'ephemeral');
        await tree.sync(path);
        await tree.read(path, bells[index]!.ring);
      }
      await together(() => leader.kill());
      await Promise.all(opened.map(({ states }) => reconnected(states)));
      for (const [index, tree] of trees.entries()) {
        deepEqual([tree.session.id, tree.session.epoch], [sessions[index]!.id, 1]);
        equal((await tree.exists(`${path}/${index}`))?.owner, 'us');
      }
      equal(bells.filter(({ rung }) => rung() > 0).length, 0);
      await trees[0]!.write(path, bytes('x'), 0);
      await Promise.all(bells.map(({ heard }) => heard()));
      await Promise.all(trees.map((tree) => tree.close()));
    });
    await leader.start();
  });

  it('leaves a server that hangs early enough to keep its life', async (t) => {
    const all = await followers();
    t.after(() => all[0].resume());
    await byEach(async ({ kind, open, together }) => {
      // the native client may begin anew, and is not to begin with the one that hangs each time
      const { tree, states } = await openAt(open, all, { sessionTimeoutMs: 12_000, random });
      const { session } = tree;
      await together(() => all[0].standStill());
      await reconnected(states);
      if (kind === 'wire') deepEqual([tree.session.id, tree.session.epoch], [session.id, 1]);
      await together(() => all[0].resume());
      await tree.close();
    });
  });

  it('tells when every server that serves knows of a change, and which of them lags behind', (t) =>
    byEach(async ({ kind, open, long }) => {
      const [one, two] = servers;
      const { tree } = open(servers, long);
      t.after(() => tree.close());
      await connected(tree);
      const at = servers.map((server) => open([server], long).tree);
      await Promise.all(at.map(connected));
      for (let n = 0; n < 50; n++) {
        const path = `/spread-${kind}-${n}`;
        await tree.create(path, nothing, 'ephemeral');
        deepEqual((await ofAll(tree, 60_000)).behind, []);
        // nobody syncs
        for (const there of await Promise.all(at.map((each) => each.exists(path)))) ok(there);
      }
      // it is behind, and says so for ever
      const late = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end('Zxid: 0x1\n')));
      await once(late.listen(0, '127.0.0.1'), 'listening');
      t.after(() => late.close());
      const { port } = late.address() as AddressInfo;
      const { tree: other } = open([one!, two!, { host: '127.0.0.1', port }], long);
      t.after(() => other.close());
      await connected(other);
      deepEqual((await ofAll(other, 2_000)).behind, [`127.0.0.1:${port}`]);
      const silent = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end()));
      await once(silent.listen(0, '127.0.0.1'), 'listening');
      t.after(() => silent.close());
      const { port: closed } = silent.address() as AddressInfo;
      const { tree: deaf } = open([one!, { host: '127.0.0.1', port: closed }, { host: '127.0.0.2', port: closed }], long);
      t.after(() => deaf.close());
      await connected(deaf);
      deepEqual(await deaf.spread!(2_000), { servers: 0, behind: [] }, 'the one that answers may lag behind');
    }));

  it('goes back and forth between two servers', async () => {
    const [one, other] = await followers();
    await byEach(async ({ open, long, together }) => {
      const { tree, states } = await openAt(open, [one, other], long);
      const { session } = tree;
      for (const [round, at] of [one, other, one].entries()) {
        ok(await isAt(at, tree));
        await together(() => at.kill());
        await reconnected(states, round + 1);
        await together(() => at.start());
      }
      equal(tree.session.id, session.id);
      await tree.close();
    });
  });

  it('finds servers that have new addresses under their old name', async () => {
    const [one, other] = await followers();
    let addresses = [one.host];
    await byEach(async ({ open, long, together }) => {
      const { tree, states, facts } = open([{ host: 'zk.test', port: one.port }], { ...long, lookup: async () => addresses });
      await connected(tree);
      const { session } = tree;
      equal(session.server, `zk.test:${one.port} (${one.host})`);
      await together(() => {
        addresses = [other.host];
        return one.kill();
      });
      await reconnected(states);
      deepEqual([tree.session.id, tree.session.server], [session.id, `zk.test:${other.port} (${other.host})`]);
      deepEqual(
        facts.filter(({ kind }) => kind === 'name_unresolved'),
        [],
      );
      await tree.close();
    });
  });
});
