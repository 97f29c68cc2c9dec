import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../../agent/events.js';
import { dialects } from '../../../agent/registry/dialects/dialects.js';
import { TreeRegistry } from '../../../agent/registry/tree-registry.js';
import { RegistryError } from '../../../agent/registry/tree.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { seeded } from '../../support/random.js';
import { instance } from './dialects/node.js';

const at = { dialect: 'curator', path: '/services/orders' };
const path = '/services/orders/4a1f9c2e';
const ignore = (): void => undefined;

const setup = () => {
  const clock = new FakeClock();
  const store = new MemoryStore(() => clock.wall());
  const facts: Fact[] = [];
  const open = () => {
    const tree = new MemoryTree(store);
    const emit = (fact: Fact): void => void facts.push(fact);
    return { tree, registry: new TreeRegistry({ tree, dialects, clock, random: seeded(1), emit }) };
  };
  const text = (): string => new TextDecoder().decode(store.nodes.get(path)?.data);
  return { clock, store, open, text, ...open() };
};
const failure = async (call: Promise<unknown>): Promise<RegistryError> => {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  ok(error instanceof RegistryError, 'a RegistryError is expected');
  return error;
};

describe('putting an instance into a tree', () => {
  it('creates what is missing above it, and proves the node by a read', async () => {
    const { registry, store, clock, tree } = setup();
    const proof = await registry.put(instance(), at, ignore);
    deepEqual(proof, { path, zxid: String(store.nodes.get(path)!.mzxid), at: clock.wall(), how: 'created' });
    equal(store.nodes.get(path)?.owner, tree.session.id);
    equal(tree.calls.at(-1), `read ${path}`);
  });

  it('creates the parents again each time, since an empty container is taken away', async () => {
    const { registry, store } = setup();
    await registry.put(instance(), at, ignore);
    for (const gone of [path, '/services/orders', '/services']) store.delete(gone);
    equal((await registry.put(instance(), at, ignore)).how, 'created');
  });

  it('writes nothing when all is as it should be', async () => {
    const { registry, tree } = setup();
    await registry.put(instance(), at, ignore);
    tree.calls.length = 0;
    equal((await registry.put(instance(), at, ignore)).how, 'found');
    deepEqual(
      tree.calls.filter((call) => !/^(exists|read) /.test(call)),
      [],
    );
  });

  it('rewrites data that is not ours in place, whether it has our length or not', async () => {
    const { registry, store, text } = setup();
    await registry.put(instance(), at, ignore);
    const before = text();
    for (const data of ['short', before.replace('8080', '9090'), 'x'.repeat(100_000)]) {
      store.plant(path, data);
      equal((await registry.put(instance(), at, ignore)).how, 'rewritten');
      equal(text(), before);
    }
  });

  it('changes the weight in place', async () => {
    const { registry, text } = setup();
    await registry.put(instance(), at, ignore);
    equal((await registry.put(instance({ weight: 7 }), at, ignore)).how, 'rewritten');
    match(text(), /"weight":"7"/);
  });

  it('takes over a node that an earlier session of ours left, so that it does not vanish with that session', async () => {
    const { registry, open, tree, store } = setup();
    const earlier = open();
    await earlier.registry.put(instance(), at, ignore);
    equal((await registry.put(instance(), at, ignore)).how, 'taken_over');
    await earlier.tree.close();
    equal(store.nodes.get(path)?.owner, tree.session.id);
  });

  it('takes over a node of ours that has no session', async () => {
    const { registry, store } = setup();
    store.plant(path, '{"name":"orders","id":"4a1f9c2e","address":"10.1.2.3","port":8080}');
    equal((await registry.put(instance(), at, ignore)).how, 'taken_over');
  });

  it('names the stranger who holds our node, touches nothing, and calls when that changes', async () => {
    const { registry, open, store, tree } = setup();
    const stranger = open();
    await stranger.registry.put(instance({ host: '10.9.9.9' }), at, ignore);
    const before = store.nodes.get(path)!.mzxid;
    let called = 0;
    const error = await failure(registry.put(instance(), at, () => called++));
    equal(error.code, 'node_exists');
    match(
      error.message,
      /^\/services\/orders\/4a1f9c2e is held by 10\.9\.9\.9:8080 in session 0x2, and we are 10\.1\.2\.3:8080: .*INSTANCE_ID/,
    );
    equal(store.nodes.get(path)!.mzxid, before);
    equal((await failure(registry.put(instance(), at, () => called++))).code, 'node_exists');
    equal(tree.watched.length, 1, 'one watch however often we ask');
    await stranger.tree.close();
    await calm();
    equal(called, 1);
    equal((await registry.put(instance(), at, ignore)).how, 'created');
  });

  it('takes garbage and a huge node under our name for a stranger', async () => {
    const { registry, store } = setup();
    for (const data of ['garbage', 'x'.repeat(1_000_000)]) {
      store.plant(path, data);
      const { code, message } = await failure(registry.put(instance(), at, ignore));
      equal(code, 'node_exists');
      match(message, /something that is no instance/);
    }
  });

  it('looks again when the node moves between look and write', async () => {
    const { registry, tree } = setup();
    tree.fail('create', 'node_exists');
    equal((await registry.put(instance(), at, ignore)).how, 'created');
    tree.fail('write', 'bad_version');
    equal((await registry.put(instance({ weight: 2 }), at, ignore)).how, 'rewritten');
  });

  it('believes nothing that its read does not show: not other bytes, and not another owner', async () => {
    for (const meddle of ['other bytes', '0xother']) {
      const { registry, tree, store } = setup();
      const create = tree.create.bind(tree);
      let times = 0;
      tree.create = async (at, data, mode) => {
        const made = await create(at, data, mode);
        if (at !== path || times++ > 0) return made;
        if (meddle.startsWith('0x')) store.delete(path);
        store.plant(path, meddle.startsWith('0x') ? data : meddle, meddle);
        return made;
      };
      equal((await registry.put(instance(), at, ignore)).how, meddle.startsWith('0x') ? 'taken_over' : 'rewritten');
      equal(store.nodes.get(path)?.owner, tree.session.id);
    }
  });

  it('gives up on a node that changes under its hands each time', async () => {
    const { registry, tree } = setup();
    for (let i = 0; i < 20; i++) tree.fail('create', 'node_exists');
    match((await failure(registry.put(instance(), at, ignore))).message, /changed 5 times under our hands/);
  });

  it('does not believe a write whose answer was lost, and finds it by the next put', async () => {
    const { registry, tree, open } = setup();
    await open().registry.put(instance({ id: 'other', port: 9090 }), at, ignore);
    tree.fail('create', 'connection_lost', true);
    equal((await failure(registry.put(instance(), at, ignore))).code, 'connection_lost');
    equal((await registry.put(instance(), at, ignore)).how, 'found');
  });

  it('calls once when our node is changed or removed, with one watch at a time', async () => {
    const { registry, store, tree } = setup();
    let called = 0;
    const heard = (): void => {
      called++;
    };
    await registry.put(instance(), at, heard);
    await registry.put(instance(), at, heard);
    equal(tree.watched.filter((watch) => watch.endsWith(path)).length, 1);
    store.plant(path, 'changed');
    await calm();
    equal(called, 1);
    await registry.put(instance(), at, heard);
    store.delete(path);
    await calm();
    equal(called, 2);
  });

  it('refuses an id that is no name of a node', async () => {
    const { registry } = setup();
    match((await failure(registry.put(instance({ id: 'a/b' }), at, ignore))).message, /"a\/b" cannot name a node/);
  });

  it('passes on why it may not write', async () => {
    const { registry, tree } = setup();
    tree.fail('create', 'no_auth');
    await rejects(registry.put(instance(), at, ignore), { code: 'no_auth' });
  });
});

describe('taking an instance out of a tree', () => {
  it('takes a node of this session, and is content when there is none', async () => {
    const { registry, store } = setup();
    await registry.put(instance(), at, ignore);
    await registry.remove(instance(), at);
    ok(!store.nodes.has(path));
    await registry.remove(instance(), at);
  });

  it('takes a node of an earlier session of ours', async () => {
    const { registry, open, store } = setup();
    await open().registry.put(instance(), at, ignore);
    await registry.remove(instance(), at);
    ok(!store.nodes.has(path));
  });

  it('leaves a stranger alone', async () => {
    const { registry, open, store } = setup();
    await open().registry.put(instance({ port: 9090 }), at, ignore);
    await registry.remove(instance(), at);
    ok(store.nodes.has(path));
  });

  it('takes a node of ours that somebody has changed', async () => {
    const { registry, store, tree } = setup();
    await registry.put(instance(), at, ignore);
    store.plant(path, 'changed');
    tree.fail('remove', 'bad_version');
    await registry.remove(instance(), at);
    ok(!store.nodes.has(path));
  });
});
