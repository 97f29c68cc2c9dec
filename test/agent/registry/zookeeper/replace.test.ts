/**
 * Twins who take one node from each other, and a weight that is written anew: where the client can, as one change, so that no reader ever misses it.
 * And what becomes of ours where others have moved in.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Announcer } from '../../../../agent/registry/announcer.js';
import { dialects } from '../../../../agent/registry/dialects/dialects.js';
import { TreeRegistry } from '../../../../agent/registry/tree-registry.js';
import { clock, random } from '../../../../agent/system.js';
import { requireZooKeeper, ZooKeeperServer } from '../../../support/zookeeper.js';
import { instance } from '../dialects/node.js';
import { connected, until } from '../tree-contract.js';
import { opened, type Opened } from '../wire/opened.js';
import { closeAll, longFor, opening } from './open.js';

const wire = { kind: 'wire' } as const;

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
    const { tree, facts } = opening(wire)([server], longFor(wire));
    await connected(tree);
    return { facts, tree, registry: new TreeRegistry({ tree, dialects, clock, random, emit: () => undefined }) };
  };
  const announcerOf = async (source: { readonly dialect: string; readonly path: string }) => {
    const { tree, registry } = await registryOf();
    return new Announcer({ service: 'orders', source, registry, tree, clock, random, emit: () => undefined });
  };
  /** Nodes of another dialect, more of them than ours. */
  const moveIn = async (path: string): Promise<void> => {
    for (const id of ['a', 'b', 'c']) {
      const { data } = dialects.get('curator')!.place(instance({ id, port: 9_000 }));
      await reader.client.create(`${path}/${id}`, data);
    }
  };
  const members = async (path: string): Promise<readonly string[]> =>
    (await reader.client.getChildren(path)).names.filter((name) => /^(member|vector)_/.test(name));
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

  it('stays and is healed where it stood before another dialect moved in, and is withdrawn when nobody wishes for it', async () => {
    const at = { dialect: 'serverset', path: '/discovery/moved' };
    const announcer = await announcerOf(at);
    announcer.want(instance({ weight: 2 }));
    await announcer.settled();
    await moveIn(at.path);
    const [vector] = (await members(at.path)).filter((name) => name.startsWith('vector_'));
    await reader.client.delete(`${at.path}/${vector!}`);
    announcer.want(instance({ weight: 3 }));
    await announcer.settled();
    equal((await members(at.path)).length, 2);
    announcer.want(undefined);
    await announcer.withdrawn();
    deepEqual(await members(at.path), []);
  });

  it('of another live session with our id, host and port stays, where those who moved in since then speak against us', async () => {
    const at = { dialect: 'serverset', path: '/discovery/twin' };
    const living = await announcerOf(at);
    living.want(instance());
    await living.settled();
    await moveIn(at.path);
    const refused = await announcerOf(at);
    refused.want(instance());
    await until(() => refused.view().contested !== null, 'those who stand there to speak against it');
    equal(refused.stands, false);
    const before = await members(at.path);
    refused.want(undefined);
    await refused.withdrawn();
    deepEqual([before.length, await members(at.path)], [1, before]);
    living.want(undefined);
    await living.withdrawn();
    deepEqual(await members(at.path), [], 'whose it is withdraws it');
  });

  it('does not come when the one before it is another by now', async () => {
    const { tree } = opening(wire)([server], longFor(wire));
    await connected(tree);
    await tree.create('/moved', new Uint8Array(), 'persistent');
    const replace = (version: number) => tree.replace!({ path: '/moved', version }, '/next', new Uint8Array(), 'ephemeral')!;
    const refused = (await replace(7).catch((error: unknown) => error)) as { code?: string };
    deepEqual([refused.code, await tree.exists('/next'), (await tree.exists('/moved'))?.version], ['bad_version', undefined, 0]);
    await replace(0);
    deepEqual([(await tree.exists('/next'))?.owner, await tree.exists('/moved')], ['us', undefined]);
  });
});
