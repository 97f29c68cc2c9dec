import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Tree } from '../../../../agent/registry/tree.js';
import { RawClient } from '../../../support/raw-client.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bell, bytes, connected, until } from '../tree-contract.js';
import { clients, closeAll, longFor, opening, type Opened } from './open.js';

const nothing = new Uint8Array();

/** Both clients at once, each with a server of its own: most of it is waiting. */
describe('watches at a real server', { skip: !requireZooKeeper(), concurrency: true }, () => {
  for (const client of clients) {
    const open = opening(client);

    describe(`by the ${client.kind} client`, { concurrency: false }, () => {
      let server: ZooKeeperServer;
      let stranger: RawClient;
      let opened: Opened;
      let tree: Tree;
      before(async () => {
        server = await ZooKeeperServer.start();
        stranger = await RawClient.open(server.connect);
        opened = open([server], longFor(client));
        tree = opened.tree;
        await connected(tree);
      });
      after(async () => {
        await closeAll(client.kind);
        await stranger.close();
        await server.remove();
      });

      /** What the server itself says is armed. */
      const armed = async (): Promise<number> => Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]);

      it('are armed once for a hundred who wait for one node, in whatever way', async () => {
        await tree.create('/shared', nothing, 'persistent');
        const before = await armed();
        const bells = Array.from({ length: 100 }, bell);
        await Promise.all(
          bells.map(({ ring }, index) => (index % 2 ? tree.read('/shared', ring) : tree.exists('/shared', ring))),
        );
        equal((await armed()) - before, 1);
        await stranger.set('/shared', 'x');
        await Promise.all(bells.map(({ heard }) => heard()));
        ok(bells.every(({ rung }) => rung() === 1));
        equal(await armed(), before);
      });

      it('are armed again only when they fired', async () => {
        const before = await armed();
        const { ring, rung } = bell();
        for (let round = 0; round < 50; round++) await tree.read('/shared', ring);
        equal((await armed()) - before, 1);
        await stranger.set('/shared', 'y');
        await until(() => rung() > 0, 'the watch');
        equal(rung(), 1, 'who asks again with the same function is called once');
      });

      it('wait for the children of a node that is not there by one watch on the node', async () => {
        const before = await armed();
        const bells = Array.from({ length: 10 }, bell);
        for (const { ring } of bells) equal(await tree.children('/later', ring), undefined);
        equal((await armed()) - before, 1);
        await stranger.create('/later');
        await Promise.all(bells.map(({ heard }) => heard()));
        equal(await armed(), before);
      });

      it('survive the server going and coming, and tell what happened meanwhile', async () => {
        const bells = Array.from({ length: 3 }, bell);
        await tree.exists('/restart', bells[0]!.ring);
        await tree.children('/shared', bells[1]!.ring);
        await tree.read('/shared', bells[2]!.ring);
        const before = await armed();
        await server.kill();
        await until(() => tree.session.state === 'suspended', 'the loss');
        await server.start();
        await connected(tree);
        await tree.sync('/');
        equal(await armed(), before);
        await tree.create('/restart', nothing, 'persistent');
        await tree.create('/shared/a', nothing, 'ephemeral');
        await Promise.all(bells.slice(0, 2).map(({ heard }) => heard()));
        equal(bells[2]!.rung(), 0);
      });

      it('stay within what a reconnect can send, and say so once when they would not', async () => {
        const bound = (): number => opened.facts.filter(({ kind }) => kind === 'bound_reached').length;
        const long = (index: number): string => `/${String(index).padStart(4, '0')}${'n'.repeat(4_000)}`;
        // ours takes several packets, and this is more than fits in one
        const [asked, most] = client.kind === 'native' ? [150, Math.floor((512 * 1024) / 4_009)] : [500, 500];
        const before = await armed();
        for (let index = 0; index < asked; index++) await tree.exists(long(index), () => undefined);
        const { length } = opened.facts.filter((fact) => fact.kind === 'bound_reached');
        equal(length, asked > most ? 1 : 0);
        const more = (await armed()) - before;
        ok(more <= most && more > most - 10, `${more} of ${most}`);
        const { ring, heard } = bell();
        await tree.read('/shared', ring); // is armed already, and can be joined
        await stranger.set('/shared', 'z');
        await heard();
        equal(bound(), length);
        const { session } = tree;
        await server.stop();
        await until(() => tree.session.state === 'suspended', 'the loss');
        await server.start();
        await connected(tree);
        await tree.sync('/');
        deepEqual([tree.session.id, tree.session.state], [session.id, 'connected'], opened.story());
      });

      it('take a written ephemeral with its bytes, as another client sees it', async () => {
        await tree.create('/seen', bytes('here'), 'ephemeral');
        const seen = await stranger.get('/seen');
        deepEqual([seen?.text, seen?.stat.ephemeralOwner], ['here', tree.session.id]);
      });
    });
  }
});
