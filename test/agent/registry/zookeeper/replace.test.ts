/** Twins who take one node from each other, and a weight that is written anew: where the client can, as one change, so that no reader ever misses it. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dialects } from '../../../../agent/registry/dialects/dialects.js';
import { TreeRegistry } from '../../../../agent/registry/tree-registry.js';
import { clock, random } from '../../../../agent/system.js';
import { requireZooKeeper, ZooKeeperServer } from '../../../support/zookeeper.js';
import { instance } from '../dialects/node.js';
import { connected } from '../tree-contract.js';
import { opened, type Opened } from '../wire/opened.js';
import { closeAll, opening } from './open.js';

const open = opening({ kind: 'wire' });

describe('a node that follows another', { skip: !requireZooKeeper() }, () => {
  let server: ZooKeeperServer;
  let reader: Opened;
  before(async () => {
    server = await ZooKeeperServer.start();
    reader = opened([server]);
    await reader.up();
  });
  after(async () => {
    await closeAll();
    await reader.client.close();
    await server.remove();
  });

  const registryOf = async () => {
    const { tree, facts } = open([server]);
    await connected(tree);
    return { facts, registry: new TreeRegistry({ tree, dialects, clock, random, emit: () => undefined }) };
  };
  /** How many nodes the parent had, each time that it was asked, without a pause, until `work` is done. */
  const seen = async (parent: string, work: () => Promise<void>): Promise<readonly number[]> => {
    const counts: number[] = [];
    let done = false;
    const working = work().finally(() => (done = true));
    while (!done) counts.push((await reader.client.getChildren(parent)).names.length);
    await working;
    return counts;
  };

  it('is there at every moment while twins take it from each other', async () => {
    const twins = [await registryOf(), await registryOf()];
    const at = { dialect: 'curator', path: '/services/orders' };
    await twins[0]!.registry.put(instance(), at, () => undefined);
    const counts = await seen(at.path, async () => {
      for (let turn = 1; turn <= 40; turn++)
        equal((await twins[turn % 2]!.registry.put(instance(), at, () => undefined)).how, 'taken_over');
    });
    deepEqual([...new Set(counts)], [1]);
    ok(counts.length > 40, `it was looked at ${counts.length} times`);
    const replaced = twins[0]!.facts.filter((fact) => fact.kind === 'registry_operation' && fact.op === 'replace');
    equal(replaced.length, 20);
  });

  it('stands for it with its own weight, when that changes in a serverset', async () => {
    const { registry } = await registryOf();
    const at = { dialect: 'serverset', path: '/discovery/orders' };
    await registry.put(instance({ weight: 2 }), at, () => undefined);
    const counts = await seen(at.path, async () => {
      for (let weight = 3; weight <= 20; weight++) await registry.put(instance({ weight }), at, () => undefined);
    });
    deepEqual([...new Set(counts)], [2], 'a member and its vector');
  });

  it('does not come when the one before it is another by now', async () => {
    const { tree } = open([server]);
    await connected(tree);
    await tree.create('/moved', new Uint8Array(), 'persistent');
    const replace = (version: number) => tree.replace!({ path: '/moved', version }, '/next', new Uint8Array(), 'ephemeral')!;
    const refused = (await replace(7).catch((error: unknown) => error)) as { code?: string };
    deepEqual([refused.code, await tree.exists('/next'), (await tree.exists('/moved'))?.version], ['bad_version', undefined, 0]);
    await replace(0);
    deepEqual([(await tree.exists('/next'))?.owner, await tree.exists('/moved')], ['us', undefined]);
  });
});
