import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Instance } from '../../../agent/registry/dialects/dialect.js';
import { dialects } from '../../../agent/registry/dialects/dialects.js';
import type { InstanceList } from '../../../agent/registry/registry.js';
import { TreeRegistry } from '../../../agent/registry/tree-registry.js';
import type { RegistryError } from '../../../agent/registry/tree.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';
import { fc } from '../../support/fast-check.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { seeded } from '../../support/random.js';
import { instance } from './dialects/node.js';

const ignore = (): void => undefined;
const replacing = ['serverset', 'smartstack', 'dubbo'];

const setup = (dialect: string) => {
  const clock = new FakeClock();
  const store = new MemoryStore(() => clock.wall());
  const at = { dialect, path: dialects.get(dialect)!.defaultPath.replace('{service}', 'orders') };
  const open = () => {
    const tree = new MemoryTree(store);
    return { tree, registry: new TreeRegistry({ tree, dialects, clock, random: seeded(1), emit: ignore }) };
  };
  const names = (): readonly string[] => [...(store.nodes.get(at.path)?.names ?? [])].sort();
  const members = (): readonly string[] => names().filter((name) => !name.startsWith('vector_'));
  const lists: InstanceList[] = [];
  /** What a reader of ours sees. */
  const seen = async (): Promise<readonly Instance[]> => {
    if (lists.length === 0) open().registry.watch('orders', at, (list) => void lists.push(list));
    for (let i = 0; i < 3; i++) {
      await calm();
      await clock.advance(1_500);
    }
    return lists.at(-1)?.instances ?? [];
  };
  return { clock, store, at, open, names, members, seen, lists, ...open() };
};
const failure = (call: Promise<unknown>): Promise<RegistryError> => call.then(() => Promise.reject(new Error('no failure')), (error: unknown) => error as RegistryError); // prettier-ignore

for (const dialect of replacing) {
  describe(`an instance in ${dialect}`, () => {
    it('is created, proved, and found again without another node', async () => {
      const { registry, at, members, tree, store } = setup(dialect);
      const proof = await registry.put(instance(), at, ignore);
      deepEqual([proof.how, members().map((name) => `${at.path}/${name}`)], ['created', [proof.path]]);
      equal(store.nodes.get(proof.path)?.owner, tree.session.id);
      tree.calls.length = 0;
      equal((await registry.put(instance(), at, ignore)).how, 'found');
      ok(
        tree.calls.every((call) => /^(exists|read) /.test(call)),
        tree.calls.join(),
      );
    });

    it('is changed by a successor, before the end of the one it follows', async () => {
      const { registry, at, members, tree, seen } = setup(dialect);
      const [first] = [await registry.put(instance({ zone: 'a' }), at, ignore)];
      tree.calls.length = 0;
      const { how, path } = await registry.put(instance({ zone: 'b' }), at, ignore);
      equal(how, 'rewritten');
      deepEqual(
        members().map((name) => `${at.path}/${name}`),
        [path],
      );
      const [created, removed] = tree.calls.filter((call) => /^(create|write|remove) /.test(call));
      match(created!, /^create /);
      equal(removed, `remove ${first.path}`);
      deepEqual(
        (await seen()).map(({ zone, id }) => `${zone} ${id.slice(0, 8)}`),
        ['b 4a1f9c2e'],
      );
    });

    it('is one node after a lost answer, whatever was lost', async () => {
      for (const lost of ['create', 'exists', 'read', 'remove'] as const) {
        const { registry, at, members, tree } = setup(dialect);
        await registry.put(instance({ zone: 'a' }), at, ignore);
        tree.fail(lost, 'connection_lost', true);
        await registry.put(instance({ zone: 'b' }), at, ignore).catch(ignore);
        await registry.put(instance({ zone: 'b' }), at, ignore);
        equal(members().length, 1, lost);
      }
    });

    it('takes the place of what an earlier session of ours left', async () => {
      const { registry, at, open, members, tree, store } = setup(dialect);
      const earlier = open();
      await earlier.registry.put(instance({ since: 1 }), at, ignore);
      const { how, path } = await registry.put(instance(), at, ignore);
      deepEqual([how, members().length], ['taken_over', 1]);
      await earlier.tree.close();
      equal(store.nodes.get(path)?.owner, tree.session.id);
    });

    it('leaves the place to a twin when it is to yield, and names it', async () => {
      const { registry, at, open, members } = setup(dialect);
      await open().registry.put(instance(), at, ignore);
      const { code, message } = await failure(registry.put(instance(), at, ignore, true));
      equal(code, 'node_exists');
      match(message, /another live sidecar with our id, host and port/);
      equal(members().length, 1);
    });

    it('is gone once removed, all of it, and others are not', async () => {
      const { registry, at, open, members, names, tree } = setup(dialect);
      await open().registry.put(instance({ id: 'other', port: 9090 }), at, ignore);
      await registry.put(instance({ weight: 2 }), at, ignore);
      await registry.remove(instance(), at);
      deepEqual([members().length, names().length], [1, 1]);
      await registry.remove(instance(), at);
      tree.fail('create', 'connection_lost', true);
      await registry.put(instance({ weight: 2 }), at, ignore).catch(ignore);
      await registry.remove(instance({ weight: 2 }), at);
      equal(members().length, 1, 'even one whose answer was lost');
    });

    it('is there by its id for who asks whether it has really gone', async () => {
      const { registry, at } = setup(dialect);
      await registry.put(instance(), at, ignore);
      ok((await registry.names(at)).has('4a1f9c2e'));
      await registry.remove(instance(), at);
      ok(!(await registry.names(at)).has('4a1f9c2e'));
    });

    it('calls when its node is changed or goes', async () => {
      const { registry, at, store } = setup(dialect);
      let called = 0;
      const { path } = await registry.put(instance(), at, () => called++);
      store.delete(path);
      await calm();
      equal(called, 1);
      equal((await registry.put(instance(), at, ignore)).how, 'created');
    });

    it('is never seen twice, nor with a share that nobody gave it, through any changes of its weight', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.constantFrom(1, 2, 5, 7), { minLength: 1, maxLength: 5 }), async (weights) => {
          const { registry, at, seen, lists } = setup(dialect);
          for (const weight of weights) {
            await registry.put(instance({ weight }), at, ignore);
            await seen();
          }
          deepEqual(
            (await seen()).map(({ weight }) => weight),
            [weights.at(-1)],
          );
          for (const { instances } of lists)
            for (const { weight } of instances) ok([1, 2, 5, 7].includes(weight), `weight ${weight}`);
        }),
        { numRuns: 8 },
      );
    });
  });
}

describe('the weight of a member of a serverset', () => {
  it('stands beside it, and a new one replaces the old one and not the member', async () => {
    const { registry, at, names, store, tree } = setup('serverset');
    await registry.put(instance({ weight: 2 }), at, ignore);
    const before = names();
    tree.calls.length = 0;
    equal((await registry.put(instance({ weight: 5 }), at, ignore)).how, 'rewritten');
    const vectors = tree.calls.filter((call) => /^(create|remove) .*vector_/.test(call));
    deepEqual(
      vectors.map((call) => call.split(' ')[0]),
      ['remove', 'create'],
      'never both, which a reader would multiply',
    );
    const after = names();
    equal(after.length, 2);
    equal(after[0], before[0]);
    ok(after[1] !== before[1]);
    match(new TextDecoder().decode(store.nodes.get(`${at.path}/${after[1]!}`)?.data), /"weight":5\.0/);
    equal((await registry.put(instance({ weight: 5 }), at, ignore)).how, 'found');
    await registry.put(instance({ weight: 1 }), at, ignore);
    deepEqual(names(), [before[0]]);
  });

  it('goes with it, though somebody has removed that member before', async () => {
    for (const then of ['remove', 'put'] as const) {
      const { registry, at, names, store } = setup('serverset');
      const { path } = await registry.put(instance({ weight: 2 }), at, ignore);
      store.delete(path);
      if (then === 'remove') await registry.remove(instance({ weight: 2 }), at);
      else await registry.put(instance({ weight: 2 }), at, ignore);
      equal(names().length, then === 'put' ? 2 : 0, names().join());
    }
  });

  it('is not touched where an operator has set one for us', async () => {
    const { registry, at, names, store } = setup('serverset');
    store.plant(`${at.path}/vector_ops`, '{"vector":[{"select":"inet=10.1.2.3:8080","weight":0.5,"priority":1}]}');
    await registry.put(instance({ weight: 4 }), at, ignore);
    await registry.put(instance({ weight: 1 }), at, ignore);
    await registry.remove(instance(), at);
    deepEqual(names(), ['vector_ops']);
  });

  it('comes from a bounded number of selectors, and those beyond are skipped', async () => {
    const { at, seen, store, lists, registry } = setup('serverset');
    await registry.put(instance(), at, ignore);
    const vector = Array.from({ length: 1_000 }, (_, shard) => ({ select: `shard=${shard}`, weight: 0.5, priority: 1 }));
    for (let i = 0; i < 51; i++) store.plant(`${at.path}/vector_${String(i).padStart(10, '0')}`, JSON.stringify({ vector }));
    await seen();
    deepEqual(
      lists.at(-1)!.skipped.map(({ reason }) => reason),
      ['too_large'],
    );
  });
});
