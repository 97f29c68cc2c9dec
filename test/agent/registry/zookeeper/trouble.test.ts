import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { freePort } from '../../../support/ports.js';
import { RawClient } from '../../../support/raw-client.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { connected, until } from '../tree-contract.js';
import { clients, closeAll, opening } from './open.js';

/** Connections from one address that the server takes. */
const MOST = 8;

/** Both clients at once, each with a server of its own: most of it is waiting. */
describe('a session that cannot be had', { skip: !requireZooKeeper(), concurrency: true }, () => {
  for (const client of clients) {
    const open = opening(client);

    describe(`by the ${client.kind} client`, { concurrency: false }, () => {
      let server: ZooKeeperServer;
      let stranger: RawClient;
      before(async () => {
        server = await ZooKeeperServer.start({ maxClientCnxns: MOST, 'nio.sessionlessCnxnTimeout': 600_000 });
        stranger = await RawClient.open(server.connect);
      });
      after(async () => {
        await closeAll(client.kind);
        await stranger.close();
        await server.remove();
      });

      it('says that maxClientCnxns is used up, once, and comes when it no longer is', async () => {
        const others: Socket[] = [];
        await until(() => {
          others.push(
            connect(server.port, server.host)
              .on('error', () => undefined)
              .resume(),
          ); // one after the other: it counts late
          return others.some(({ closed }) => closed);
        }, 'the server to take no more');
        const { tree, trouble, troubles } = open([server]);
        match(
          await trouble(/maxClientCnxns/),
          new RegExp(`^${server.connect} accepts a connection and closes it at once: maxClientCnxns`),
        );
        for (const other of others) other.destroy();
        await connected(tree);
        equal(troubles().filter((why) => why.includes('maxClientCnxns')).length, 1);
        await tree.close();
      });

      it('comes all the same when a name among good ones does not resolve, and names it', async () => {
        const lookup = async (host: string): Promise<string[]> => {
          if (host === 'good.test') return ['127.0.0.1'];
          throw new Error(`getaddrinfo ENOTFOUND ${host}`);
        };
        const { tree, facts, troubles } = open(
          ['bad.test', 'good.test', 'worse.test'].map((host) => ({ host, port: server.port })),
          { lookup },
        );
        await connected(tree);
        deepEqual(
          facts.flatMap((fact) => (fact.kind === 'name_unresolved' ? [fact.host, fact.why] : [])),
          ['bad.test', 'getaddrinfo ENOTFOUND bad.test', 'worse.test', 'getaddrinfo ENOTFOUND worse.test'],
        );
        deepEqual(troubles(), []);
        await tree.close();
      });

      it('waits for no name whose server is slow to be found', async () => {
        const lookup = (host: string): Promise<string[]> => {
          return host === 'good.test' ? Promise.resolve(['127.0.0.1']) : new Promise(() => undefined);
        };
        const { tree, facts } = open(
          ['slow.test', 'good.test'].map((host) => ({ host, port: server.port })),
          { lookup },
        );
        await connected(tree);
        ok(facts.some((fact) => fact.kind === 'name_unresolved' && fact.host === 'slow.test'));
        await tree.close();
      });

      it('says that no name resolves, and comes when one does', async () => {
        let isBroken = true;
        const { tree, trouble } = open([{ host: 'zk.test', port: server.port }], {
          lookup: async () => {
            if (isBroken) throw new Error('getaddrinfo EAI_AGAIN zk.test');
            return ['127.0.0.1'];
          },
        });
        match(
          await trouble(/./),
          /^no server of ZIDECAR_ZOOKEEPER has an address that can be reached from here: check the names/,
        );
        isBroken = false;
        await connected(tree);
        await tree.close();
      });

      it('is not held up by an address that this machine has no route to', async () => {
        const { tree } = open([{ host: '255.255.255.255', port: 2181 }, server], { random: () => 0.999 });
        await connected(tree);
        equal(tree.session.server, server.connect);
        await tree.close();
      });

      it('says that a server without its ensemble serves nobody', async () => {
        const lonely = ZooKeeperServer.create('127.0.0.1', await freePort(), {
          id: 1,
          'server.1': '127.0.0.1:1:2',
          'server.2': '127.0.0.2:1:2',
          'server.3': '127.0.0.3:1:2',
        });
        lonely.launch();
        const { tree, trouble } = open([lonely]);
        match(
          await trouble(/serves nobody/),
          /runs but serves nobody: without a majority of its ensemble it waits; start the other servers$/,
        );
        await tree.close();
        await lonely.remove();
      });

      it('says that we may not create the chroot', async () => {
        await stranger.plant('/locked');
        await stranger.restrict('/locked', 1 + 16);
        const { tree, trouble } = open([server], { chroot: '/locked/ours' });
        match(
          await trouble(/^create /),
          /^create \/locked\/ours: the access list of the node does not let us: ZIDECAR_ZOOKEEPER_AUTH says who we are \(-102\)$/,
        );
        equal(tree.session.epoch, 0);
        await stranger.restrict('/locked', 31);
        await connected(tree);
        ok(await stranger.exists('/locked/ours'));
        await tree.close();
      });

      it('says that a server wants a login', async () => {
        const strict = await ZooKeeperServer.start({ 'enforce.auth.enabled': true, 'enforce.auth.schemes': 'digest' });
        const { tree, trouble } = open([strict]);
        match(await trouble(/login/), /demands a login.*ZIDECAR_ZOOKEEPER_AUTH/);
        await until(() => tree.session.state === 'connecting', 'no session');
        await tree.close();
        await strict.remove();
      });
    });
  }
});
