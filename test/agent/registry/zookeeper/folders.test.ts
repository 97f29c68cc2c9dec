/**
 * The folder of a service whose last instance has left. Servers take an empty container away: readers of Curator's are made for that, while a
 * serverset's Java readers and Dubbo's hear nothing any more of a folder that was away once, and synapse ends.
 */
import { deepEqual } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dialects } from '../../../../agent/registry/dialects/dialects.js';
import { TreeRegistry } from '../../../../agent/registry/tree-registry.js';
import { clock, random } from '../../../../agent/system.js';
import { requireZooKeeper, ZooKeeperServer } from '../../../support/zookeeper.js';
import { instance } from '../dialects/node.js';
import { connected, until } from '../tree-contract.js';
import { closeAll, longFor, opening } from './open.js';

describe('the folder of a service that has become empty', { skip: !requireZooKeeper() }, () => {
  let server: ZooKeeperServer;
  before(async () => {
    server = await ZooKeeperServer.start({ '-Dznode.container.checkIntervalMs': 100 });
  });
  after(async () => {
    await closeAll();
    await server.remove();
  });

  it('goes where Curator and Spring read, and stays where readers wait on it', async () => {
    const wire = { kind: 'wire' } as const;
    const { tree } = opening(wire)([server], longFor(wire));
    await connected(tree);
    const registry = new TreeRegistry({ tree, dialects, clock, random, emit: () => undefined });
    const comeAndGo = async (dialect: string, path: string): Promise<void> => {
      const at = { dialect, path };
      await registry.put(instance({ weight: 2 }), at, () => undefined);
      await registry.remove(instance(), at);
    };
    const pathOf = (name: string): string => `/${name}${dialects.get(name)!.defaultPath.replace('{service}', 'orders')}`;
    for (const name of dialects.keys()) await comeAndGo(name, pathOf(name));
    // the server looks at all empty containers in one go: of the second one that goes, all of the first go have gone
    for (const last of ['/last/one', '/last/two']) {
      await comeAndGo('curator', last);
      await until(async () => (await tree.exists(last)) === undefined, `the end of ${last}`);
    }
    const left = await Promise.all([...dialects.keys()].map(async (name) => ((await tree.exists(pathOf(name))) ? name : '')));
    deepEqual(
      left.filter((name) => name !== ''),
      ['serverset', 'smartstack', 'dubbo'],
    );
  });
});
