import { describe } from 'node:test';
import { openZooKeeper } from '../../../../agent/registry/zookeeper.js';
import type { ZooKeeperClient } from '../../../../agent/registry/zookeeper.js';
import type { Tree } from '../../../../agent/registry/tree.js';
import { clock, random } from '../../../../agent/system.js';
import { Cuttable } from '../../../support/cuttable.js';
import { RawClient } from '../../../support/raw-client.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { contract } from '../tree-contract.js';
import { clients, longFor } from './open.js';

/** Below a chroot that is not there yet: every path then goes through one line more than without. */
const chroot = '/apps/shop';

const byClient = (client: ZooKeeperClient): void => {
  let server: ZooKeeperServer;
  let stranger: RawClient;
  const ways = new Map<Tree, Cuttable>();
  contract(`ZooKeeper by the ${client.kind} client`, {
    async start() {
      server = await ZooKeeperServer.start();
      stranger = await RawClient.open(server.connect);
    },
    async open() {
      const way = await Cuttable.to(server);
      const tree = openZooKeeper({
        servers: [way],
        chroot,
        ...longFor(client),
        client,
        clock,
        random,
        emit: () => undefined,
      });
      ways.set(tree, way);
      return tree;
    },
    expire: (tree) => ways.get(tree)!.endSession(),
    cut: (tree) => ways.get(tree)!.cut(),
    heal: (tree) => ways.get(tree)!.heal(),
    plant: (path, data) => stranger.plant(`${chroot}${path}`, data),
    async stop() {
      await stranger.close();
      await Promise.all([...ways.values()].map((way) => way.stop()));
      await server.remove();
    },
  });
};

/** All clients at once, each with a server of its own. */
describe('the contract', { skip: !requireZooKeeper(), concurrency: true }, () => clients.forEach(byClient));
