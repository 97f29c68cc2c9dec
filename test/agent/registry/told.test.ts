/** A watcher on a tree that tells which child came or went: what it asks then, and that it believes no more than it may. */
import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { curator } from '../../../agent/registry/dialects/curator.js';
import { dialects } from '../../../agent/registry/dialects/dialects.js';
import type { InstanceList } from '../../../agent/registry/registry.js';
import { TreeRegistry } from '../../../agent/registry/tree-registry.js';
import { MAX_NODE_BYTES } from '../../../agent/registry/tree.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { seeded } from '../../support/random.js';
import { instance } from './dialects/node.js';

const path = '/services/orders';

async function house(ids: readonly string[]) {
  const clock = new FakeClock();
  const store = new MemoryStore(() => clock.wall());
  const tree = new MemoryTree(store, { tells: true });
  const registry = new TreeRegistry({ tree, dialects, clock, random: seeded(1), emit: () => undefined });
  const lists: InstanceList[] = [];
  const watch = () => registry.watch('orders', { dialect: 'curator', path }, (list) => void lists.push(list));
  const join = (id: string, weight = 1): void =>
    store.plant(`${path}/${id}`, curator.place(instance({ id, weight })).data, '0xpeer');
  const pass = async (ms: number): Promise<void> => {
    await calm();
    await clock.advance(ms);
    await calm();
  };
  const listed = (): readonly string[] =>
    lists
      .at(-1)!
      .instances.map(({ id, weight }) => `${id} ${weight}`)
      .sort();
  for (const id of ids) join(id);
  const stop = watch();
  await pass(5_000);
  tree.calls.length = 0;
  return { store, tree, join, pass, listed, lists, stop };
}

describe('a watcher that is told who comes and goes', () => {
  it('asks one question for each newcomer, and none when one leaves', async () => {
    const { store, tree, join, pass, listed } = await house(['a', 'b']);
    join('c');
    await pass(2_000);
    deepEqual(tree.calls, [`read ${path}/c`]);
    store.delete(`${path}/a`);
    await pass(2_000);
    deepEqual(tree.calls, [`read ${path}/c`]);
    deepEqual(listed(), ['b 1', 'c 1']);
  });

  it('misses nobody who is replaced in one breath, and reads him once', async () => {
    const { store, tree, join, pass, listed, lists } = await house(['a', 'b']);
    const before = lists.length;
    store.delete(`${path}/a`);
    join('a', 5);
    await pass(2_000);
    deepEqual(
      lists.slice(before).map(({ instances }) => instances.length),
      [2],
    );
    deepEqual(listed(), ['a 5', 'b 1']);
    deepEqual(tree.calls, [`read ${path}/a`]);
  });

  it('misses nobody who is replaced while he is read, though the read finds nobody', async () => {
    const { store, tree, join, pass, listed } = await house(['a', 'b']);
    const read = tree.read.bind(tree);
    tree.read = () => {
      tree.read = read;
      store.delete(`${path}/a`);
      join('a', 7);
      return new Promise((resolve) => setImmediate(() => resolve(undefined))); // sent between the two, heard behind both: all three came in one packet
    };
    join('a', 5);
    await pass(2_000);
    deepEqual(listed(), ['a 7', 'b 1']);
  });

  for (const code of ['connection_lost', 'failed'] as const)
    it(`loses no news when the read that it leads to fails (${code})`, async () => {
      const { tree, join, pass, listed } = await house(['a', 'b']);
      tree.fail('read', code);
      join('a', 5);
      await pass(2_000);
      deepEqual(listed(), ['a 5', 'b 1']);
      join('a', 7);
      await pass(2_000);
      deepEqual(listed(), ['a 7', 'b 1'], 'the watch is armed again');
    });

  it('asks one question for a change in place', async () => {
    const { tree, join, pass, listed } = await house(['a', 'b']);
    join('a', 5);
    await pass(2_000);
    deepEqual(tree.calls, [`read ${path}/a`]);
    deepEqual(listed(), ['a 5', 'b 1']);
    join('a', 7);
    await pass(2_000);
    deepEqual(listed(), ['a 7', 'b 1'], 'the watch is armed again');
  });

  it('reads nothing that is large, and asks for sizes first once it has met such a one', async () => {
    const { store, tree, join, pass, listed, lists } = await house(['a']);
    const large = new Uint8Array(MAX_NODE_BYTES + 1);
    store.plant(`${path}/large`, large);
    await pass(2_000);
    equal(tree.calls.filter((call) => call.startsWith('read')).length, 1, 'which fails');
    for (let index = 0; index < 10; index++) store.plant(`${path}/large ${index}`, large);
    join('b');
    await pass(2_000);
    deepEqual(
      tree.calls.filter((call) => call.startsWith('read')),
      [`read ${path}/large`, `read ${path}/b`],
    );
    deepEqual(listed(), ['a 1', 'b 1']);
    equal(lists.at(-1)!.skipped.length, 11);
  });

  it('believes the last word on a name that came while the names were on their way', async () => {
    const { store, tree, join, pass, listed } = await house(['a', 'b']);
    const children = tree.children.bind(tree);
    let arrive = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    tree.children = async (...asked) => {
      const answer = await children(...asked);
      await arrived;
      return answer;
    };
    tree.expire();
    tree.connect();
    await pass(1_000); // it asks within a second
    join('c');
    store.delete(`${path}/a`);
    await calm();
    arrive();
    await pass(5_000);
    deepEqual(listed(), ['b 1', 'c 1']);
  });

  it('asks for the names when the connection was lost and something has changed meanwhile', async () => {
    const { tree, join, pass, listed } = await house(['a']);
    tree.lose();
    join('b');
    tree.connect();
    await pass(2_000);
    equal(tree.calls[0], `children ${path}`);
    deepEqual(listed(), ['a 1', 'b 1']);
    tree.calls.length = 0;
    join('c');
    await pass(2_000);
    deepEqual(tree.calls, [`read ${path}/c`]);
  });

  it('leaves no watch once it is stopped and the next child comes', async () => {
    const { tree, join, pass, stop } = await house([]);
    equal(tree.watched.length, 1);
    stop();
    join('a');
    await pass(0);
    deepEqual(tree.watched, []);
  });
});
