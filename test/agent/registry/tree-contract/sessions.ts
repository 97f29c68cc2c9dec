import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { it } from 'node:test';
import type { Session, Tree } from '../../../../agent/registry/tree.js';
import { bell, bytes, connected, text, until } from '../tree-contract.js';
import type { Stage } from '../tree-contract.js';
import { fails } from './nodes.js';

const nothing = new Uint8Array();
const every = (tree: Tree, path: string): readonly (() => Promise<unknown>)[] => [
  () => tree.exists(path, () => undefined),
  () => tree.read(path),
  () => tree.children(path),
  () => tree.create(`${path}/new`, nothing, 'ephemeral'),
  () => tree.write(path, nothing, 0),
  () => tree.remove(path),
  () => tree.sync(path),
];
/** All that the tree says of its session, in order. */
const listen = (tree: Tree): { readonly heard: Session[]; readonly stop: () => void } => {
  const heard: Session[] = [];
  return { heard, stop: tree.onSession((session) => heard.push(session)) };
};
const states = (heard: readonly Session[]): readonly string[] => heard.map(({ state }) => state);

export function sessions(stage: Stage): void {
  it('connects by itself, and fails at once until then', async () => {
    const tree = await stage.harness.open();
    const { heard } = listen(tree);
    deepEqual([tree.session.state, tree.session.id, tree.session.epoch], ['connecting', '', 0]);
    for (const call of every(tree, '/')) await fails('disconnected', call());
    await connected(tree);
    const { session } = tree;
    ok(session.id.length > 0);
    equal(session.epoch, 1);
    ok(session.server);
    ok(session.timeoutMs > 0);
    deepEqual(heard.at(-1), session);
    ok(await tree.exists('/'));
    await tree.close();
  });

  it('gives every tree a session of its own', () => {
    notEqual(stage.us.session.id, stage.them.session.id);
  });

  it('takes its ephemerals away before close() resolves, and leaves the rest', async () => {
    const parent = await stage.parent();
    const tree = await stage.another();
    await tree.create(`${parent}/gone`, bytes('x'), 'ephemeral');
    const { path } = await tree.create(`${parent}/n-`, nothing, 'ephemeral_sequential');
    await tree.create(`${parent}/stays`, bytes('x'), 'persistent');
    const [one, list] = [bell(), bell()];
    await stage.us.exists(path, one.ring);
    await stage.us.children(parent, list.ring);
    await tree.close();
    await stage.us.sync(parent);
    deepEqual((await stage.us.children(parent))?.names, ['stays']);
    await Promise.all([one.heard(), list.heard()]);
  });

  it('is closed for good: the second close is none, every call fails, and no watch or listener is called', async () => {
    const parent = await stage.parent();
    const tree = await stage.another();
    const { heard } = listen(tree);
    const { ring, rung } = bell();
    await tree.read(parent, ring);
    await tree.exists(`${parent}/a`, ring);
    await tree.children(parent, ring);
    await Promise.all([tree.close(), tree.close()]);
    await tree.close();
    equal(tree.session.state, 'closed');
    deepEqual(states(heard), ['closed']);
    for (const call of every(tree, parent)) await fails('closed', call());
    await stage.us.write(parent, bytes('x'), 0);
    await stage.us.create(`${parent}/a`, nothing, 'ephemeral');
    const canary = bell();
    await stage.us.read(parent, canary.ring);
    await stage.them.write(parent, bytes('y'), 1);
    await canary.heard();
    equal(rung(), 0);
    deepEqual(states(heard), ['closed']);
  });

  it('can be closed before it was connected', async () => {
    const tree = await stage.harness.open();
    await tree.close();
    equal(tree.session.state, 'closed');
    await fails('closed', tree.exists('/'));
  });

  it('keeps session, ephemerals and watches over a lost connection, and tells of it', async () => {
    const parent = await stage.parent();
    const tree = await stage.another();
    const before = tree.session;
    const { heard, stop } = listen(tree);
    await tree.create(`${parent}/ours`, bytes('x'), 'ephemeral');
    const [quiet, loud] = [bell(), bell()];
    await tree.exists(`${parent}/ours`, quiet.ring);
    await tree.read(parent, loud.ring);

    await stage.harness.cut(tree);
    await until(() => tree.session.state === 'suspended', 'the loss to be noticed');
    deepEqual([tree.session.id, tree.session.epoch], [before.id, before.epoch]);
    for (const call of every(tree, parent)) await fails('disconnected', call());
    await stage.us.write(parent, bytes('meanwhile'), 0);
    ok(await stage.us.exists(`${parent}/ours`));
    await stage.harness.heal(tree);
    await connected(tree);

    deepEqual([tree.session.id, tree.session.epoch], [before.id, before.epoch], 'the same session');
    equal((await tree.exists(`${parent}/ours`))?.owner, 'us');
    await loud.heard();
    equal(text((await tree.read(parent))?.data), 'meanwhile');
    equal(quiet.rung(), 0, 'what did not change is not called');
    await stage.us.write(`${parent}/ours`, bytes('y'), 0);
    await quiet.heard();
    deepEqual(
      states(heard).filter((state) => state !== 'connecting'),
      ['suspended', 'connected'],
    );
    stop();
    await tree.close();
    equal(heard.at(-1)?.state, 'connected', 'a listener that was taken off hears no more');
  });

  it('closes without its connection too', async () => {
    const tree = await stage.another();
    await stage.harness.cut(tree);
    await tree.close();
    equal(tree.session.state, 'closed');
    await stage.harness.heal(tree);
    await fails('closed', tree.exists('/'));
  });

  it('loses its ephemerals when it expires, calls every watch, and comes back in a new epoch', async () => {
    const parent = await stage.parent();
    const tree = await stage.another();
    const before = tree.session;
    const { heard } = listen(tree);
    await tree.create(`${parent}/ours`, bytes('x'), 'ephemeral');
    await tree.create(`${parent}/stays`, bytes('x'), 'persistent');
    const [theirs, list] = [bell(), bell()];
    await stage.us.read(`${parent}/ours`, theirs.ring);
    await stage.us.children(parent, list.ring);
    const bells = Array.from({ length: 4 }, bell);
    await tree.read('/', bells[0]!.ring);
    await tree.exists(`${parent}/none`, bells[1]!.ring);
    await tree.children(`${parent}/stays`, bells[2]!.ring);
    await tree.read(`${parent}/none/at/all`, bells[3]!.ring);

    await stage.harness.expire(tree);
    await until(() => tree.session.epoch > before.epoch && tree.session.state === 'connected', 'the next session');
    await until(async () => (await stage.us.exists(`${parent}/ours`)) === undefined, 'the ephemeral to vanish');
    await Promise.all([theirs, list, ...bells].map((each) => each.heard()));

    equal(tree.session.epoch, before.epoch + 1);
    notEqual(tree.session.id, before.id);
    const expired = heard.find(({ state }) => state === 'expired');
    deepEqual([expired?.id, expired?.epoch], [before.id, before.epoch], 'it says which session expired');
    equal(states(heard).filter((state) => state === 'expired').length, 1);
    ok(states(heard).indexOf('expired') < states(heard).lastIndexOf('connected'));
    deepEqual((await stage.us.children(parent))?.names, ['stays']);
    const again = await tree.create(`${parent}/ours`, bytes('again'), 'ephemeral');
    deepEqual([again.stat.owner, again.stat.ownerId], ['us', tree.session.id]);
    const next = bell();
    await tree.children(parent, next.ring);
    await stage.them.create(`${parent}/more`, nothing, 'persistent');
    await next.heard();
    equal(next.rung(), 1);
    ok(
      bells.every(({ rung }) => rung() === 1),
      'and each of them once',
    );
    await tree.close();
  });
}
