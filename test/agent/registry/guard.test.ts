import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../../agent/events.js';
import type { Instance } from '../../../agent/registry/dialects/dialect.js';
import { dialects } from '../../../agent/registry/dialects/dialects.js';
import { byRow, byVariables } from '../../../agent/registry/remedies.js';
import { TreeRegistry } from '../../../agent/registry/tree-registry.js';
import { RegistryError } from '../../../agent/registry/tree.js';
import { calm } from '../../support/calm.js';
import { FakeClock } from '../../support/clock.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { seeded } from '../../support/random.js';
import { nodeOf } from './dialects/hostile.js';
import { instance } from './dialects/node.js';

const path = '/p';
const setup = (force = false, aliases: readonly string[] = [], remedies = byVariables) => {
  const clock = new FakeClock();
  const store = new MemoryStore(() => clock.wall());
  const tree = new MemoryTree(store);
  const said: string[] = [];
  const emit = (fact: Fact): void => {
    if (fact.kind === 'warned') said.push(fact.why);
  };
  const registry = new TreeRegistry({
    tree,
    dialects,
    force,
    aliases: new Set(aliases),
    remedies,
    clock,
    random: seeded(1),
    emit,
  });
  let called = 0;
  const put = async (dialect: string, changes: Partial<Instance> = {}): Promise<string> => {
    try {
      return (await registry.put(instance(changes), { dialect, path }, () => called++)).how;
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'refused') return error.message;
      throw error;
    }
  };
  let number = 100; // far from those that the tree gives
  /** A node as another system has it. */
  const plant = (dialect: string, changes: Partial<Instance> = {}): string => {
    const { name, data } = nodeOf(
      dialects.get(dialect)!,
      instance({ id: `other${number}`, port: 9000 + number, ...changes }),
      number++,
    );
    store.plant(`${path}/${name}`, data, '0xother');
    return `${path}/${name}`;
  };
  return { store, tree, clock, said, put, plant, called: () => called };
};

describe("a place that is another system's", () => {
  for (const ours of dialects.keys())
    for (const theirs of dialects.keys()) {
      it(`of ${theirs} is ${ours === theirs ? 'where' : 'not where'} ${ours} announces`, async () => {
        const { put, plant, tree } = setup();
        plant(theirs, { weight: 2 });
        tree.calls.length = 0;
        const said = await put(ours);
        if (ours === theirs) return equal(said, 'created');
        match(
          said,
          new RegExp(
            `^/p is in use for the dialect ${theirs} .*set ZIDECAR_DIALECT=${theirs}, or a path of its own.*ZIDECAR_FORCE=on`,
          ),
        );
        deepEqual(
          tree.calls.filter((call) => /^(create|write|remove)/.test(call)),
          [],
        );
        const forced = setup(true);
        forced.plant(theirs, { weight: 2 });
        equal(await forced.put(ours), 'created');
      });
    }

  it('is told by what most of its nodes are: one stray node keeps nobody out', async () => {
    const { put, plant } = setup();
    plant('spring');
    plant('curator');
    equal(await put('curator'), 'created');
  });

  it("is nobody's where no node tells", async () => {
    const { put, store } = setup();
    for (const data of ['', 'garbage', '{"x":1}', '[]', 'x'.repeat(1_000_000)]) store.plant(`${path}/n${data.length}`, data);
    equal(await put('curator'), 'created');
  });

  it('of a typed payload takes a node without one, and no map', async () => {
    const { put, store } = setup();
    store.plant(
      `${path}/a`,
      '{"name":"p","id":"a","address":"10.0.0.1","port":1,"payload":{"@class":"com.acme.Mine"}}',
      '0xother',
    );
    match(
      await put('curator', { weight: 2 }),
      /payloads of the Java class com\.acme\.Mine .*announce without weight, zone and metadata/,
    );
    equal(await put('curator'), 'created');
  });

  it('is left again by what speaks against us, and then we announce', async () => {
    const { put, plant, store } = setup();
    const stray = plant('spring');
    match(await put('curator'), /in use/);
    store.delete(stray);
    equal(await put('curator'), 'created');
  });
});

describe('an app that has registered itself', () => {
  for (const [dialect, remedy] of [
    ['curator', 'registerService'],
    ['spring', 'spring.cloud.zookeeper.discovery.register=false'],
    ['serverset', 'join'],
    ['smartstack', 'nerve'],
    ['dubbo', 'dubbo.registry.register=false'],
  ] as const) {
    it(`in ${dialect} is not announced a second time, and we say how to switch that off, and hear of its end`, async () => {
      const { put, plant, store, called } = setup();
      const node = plant(dialect, { id: 'by-itself', port: 8080 });
      const said = await put(dialect);
      match(said, /^10\.1\.2\.3:8080 is registered already, in session 0xother, as \/p\//);
      equal(said.includes(remedy), true, said);
      store.delete(node);
      await calm();
      equal(called(), 1);
      equal(await put(dialect), 'created');
    });
  }

  it('is told what to leave out by the name that it was written with', async () => {
    for (const [remedies, leave] of [
      [byVariables, /or leave ZIDECAR_SERVICE out;/],
      [byRow, /or take its row out of announce;/],
    ] as const) {
      const { put, plant } = setup(false, [], remedies);
      plant('curator', { id: 'by-itself', port: 8080 });
      match(await put('curator'), leave);
    }
    const { put, plant } = setup(false, [], byRow);
    plant('spring');
    match(
      await put('curator'),
      /say dialects: spring in its row of announce, or a path of its own \(dialects: DIALECT:\/PATH in its row/,
    );
  });

  it('by another name of this machine is known all the same, but not on another port', async () => {
    const { put, plant, store } = setup(false, ['pod-7', '10.9.9.9']);
    for (const host of ['Pod-7', '10.9.9.9']) {
      plant('curator', { id: 'other-port', host });
      const node = plant('spring', { id: 'by-itself', host, port: 8080 });
      match(
        await put('curator'),
        new RegExp(`^${host}:8080 is registered already, .*spring.cloud.zookeeper.discovery.register=false`),
      );
      store.delete(node);
    }
    equal(await put('curator'), 'created');
  });

  for (const dialect of dialects.keys())
    it(`in ${dialect} after we have announced it is noticed and told once, and ours stays`, async () => {
      const { put, plant, clock, said, tree } = setup(false, ['pod-7']);
      plant(dialect);
      equal(await put(dialect), 'created');
      const newcomer = plant(dialect, { id: 'by-itself', host: 'pod-7', port: 8080 });
      for (let look = 0; look < 3; look++) {
        await clock.advance(121_000);
        tree.calls.length = 0;
        equal(await put(dialect), 'found');
        await calm();
        equal(said.length, 1);
        match(said[0]!, /^orders is in the registry twice: pod-7:8080 is registered already, in session 0xother, as/);
        equal(
          tree.calls.some((call) => call.includes(newcomer)),
          look === 0,
          'it is read once',
        );
      }
    });

  it('is told once of those of another dialect who have come since, and ours stays', async () => {
    for (const dialect of dialects.keys()) {
      const theirs = dialect === 'curator' ? 'spring' : 'curator';
      const { put, plant, clock, said } = setup();
      plant(dialect);
      equal(await put(dialect), 'created');
      plant(dialect);
      for (let look = 0; look < 2; look++) {
        if (look > 0) plant(theirs);
        await clock.advance(121_000);
        equal(await put(dialect), 'found');
        await calm();
        equal(said.length, look, dialect);
      }
      plant(theirs);
      await clock.advance(121_000);
      equal(await put(dialect), 'found');
      await calm();
      equal(said.length, 1);
      ok(said[0]!.startsWith(`orders is announced, and others have come since: /p is in use for the dialect ${theirs} `));
    }
  });

  it('is announced where it is forced', async () => {
    const { put, plant } = setup(true);
    plant('curator', { id: 'by-itself', port: 8080 });
    equal(await put('curator'), 'created');
  });
});
