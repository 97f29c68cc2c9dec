import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { it } from 'node:test';
import { MAX_NODE_BYTES, RegistryError } from '../../../../agent/registry/tree.js';
import type { Mode, RegistryErrorCode } from '../../../../agent/registry/tree.js';
import { bytes, text } from '../tree-contract.js';
import type { Stage } from '../tree-contract.js';

export const fails = (code: RegistryErrorCode, call: Promise<unknown>): Promise<void> =>
  rejects(call, (error) => {
    ok(error instanceof RegistryError, String(error));
    equal(error.code, code, error.message);
    return true;
  });

const nothing = new Uint8Array();
/** Names that ZooKeeper takes, and that a careless adapter trips over. */
const oddNames = [
  'tri%3A%2F%2F10.1.2.3%3A50051%2Fcom.acme.OrderService%3Fapplication%3Dorders',
  '10.1.2.3:8080',
  'two words',
  ' ',
  '%',
  '%2E',
  '%25',
  '%2Fetc%2Fpasswd',
  '100%',
  '.hidden',
  '..data',
  '...',
  '.a.node',
  '.a.data',
  '.zidecar',
  'a.node',
  '-rf',
  '~',
  '*?[]"\'$`\\|<>&;',
  '__proto__',
  'constructor',
  'CON',
  'Grüße-日本語',
  'ü'.repeat(120),
  'n'.repeat(200),
  'n'.repeat(201),
  'n'.repeat(256),
  `.${'n'.repeat(199)}`,
  `${'%3A'.repeat(159)}a`, // 478 bytes, as long as a Dubbo provider's
];
const badPaths = [
  '',
  'a',
  'a/b',
  '/a/',
  '//',
  '//a',
  '/a//b',
  '/.',
  '/..',
  '/a/./b',
  '/a/../b',
  '/a\0b',
  '/a\nb',
  '/a\u0085b',
  '/\u{1f600}',
];
const persistent: readonly Mode[] = ['persistent', 'container'];

export function nodes(stage: Stage): void {
  it('answers undefined for a node that is not there, and for one whose parent is not', async () => {
    const parent = await stage.parent();
    for (const path of [`${parent}/none`, `${parent}/none/below`]) {
      equal(await stage.us.exists(path), undefined);
      equal(await stage.us.read(path), undefined);
      equal(await stage.us.children(path), undefined);
    }
  });

  it('shows everybody what was created', async () => {
    const path = `${await stage.parent()}/a`;
    const before = Date.now();
    const created = await stage.us.create(path, bytes('hello'), 'persistent');
    equal(created.path, path);
    const { czxid, mzxid, ctime, ...rest } = created.stat;
    deepEqual(rest, { version: 0, size: 5, owner: 'none', ownerId: '' });
    equal(czxid, mzxid);
    ok(czxid > 0n);
    ok(Math.abs(ctime - before) < 60_000, `created at ${ctime}, about ${before}`);
    for (const tree of [stage.us, stage.them]) {
      await tree.sync(path);
      deepEqual(await tree.exists(path), created.stat);
      const read = await tree.read(path);
      equal(text(read?.data), 'hello');
      deepEqual(read?.stat, created.stat);
      deepEqual(await tree.children(path), { names: [], stat: created.stat });
    }
  });

  it('lists the names of the children, and only of its own', async () => {
    const parent = await stage.parent();
    deepEqual((await stage.us.children(parent))?.names, []);
    await stage.us.create(`${parent}/b`, nothing, 'persistent');
    await stage.us.create(`${parent}/a`, bytes('x'), 'persistent');
    await stage.us.create(`${parent}/b/below`, nothing, 'persistent');
    deepEqual([...(await stage.us.children(parent))!.names].sort(), ['a', 'b']);
    deepEqual((await stage.us.children(`${parent}/b`))?.names, ['below']);
  });

  it('refuses to create a node twice, whoever comes second', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.create(path, bytes('first'), 'persistent');
    await fails('node_exists', stage.us.create(path, bytes('second'), 'persistent'));
    await fails('node_exists', stage.them.create(path, bytes('second'), 'ephemeral'));
    equal(text((await stage.us.read(path))?.data), 'first');
  });

  it('lets exactly one of two racing creators win', async () => {
    const parent = await stage.parent();
    for (let round = 0; round < 20; round++) {
      const race = [stage.us, stage.them].map((tree) => tree.create(`${parent}/${round}`, bytes('x'), 'ephemeral'));
      const results = await Promise.allSettled(race);
      equal(results.filter(({ status }) => status === 'fulfilled').length, 1, `round ${round}`);
    }
  });

  it('refuses to create below nothing, and below an ephemeral', async () => {
    const parent = await stage.parent();
    await fails('no_parent', stage.us.create(`${parent}/none/a`, nothing, 'persistent'));
    await fails('no_parent', stage.us.create(`${parent}/none/a-`, nothing, 'ephemeral_sequential'));
    await stage.us.create(`${parent}/e`, nothing, 'ephemeral');
    await fails('failed', stage.us.create(`${parent}/e/a`, nothing, 'persistent'));
    deepEqual((await stage.us.children(parent))?.names, ['e']);
  });

  it('writes by version: the version and mzxid grow, czxid and ctime stay', async () => {
    const path = `${await stage.parent()}/a`;
    const { stat: first } = await stage.us.create(path, bytes('one'), 'persistent');
    const second = await stage.us.write(path, bytes('three'), first.version);
    deepEqual({ ...second, mzxid: 0n }, { ...first, version: 1, size: 5, mzxid: 0n });
    ok(second.mzxid > first.mzxid);
    const third = await stage.us.write(path, bytes('three'), second.version); // the same bytes are a change all the same
    equal(third.version, 2);
    ok(third.mzxid > second.mzxid);
    await stage.them.sync(path);
    deepEqual(await stage.them.exists(path), third);
    equal(text((await stage.them.read(path))?.data), 'three');
  });

  it('refuses to write by a version that is not the present one, and what is not there', async () => {
    const path = `${await stage.parent()}/a`;
    const { stat } = await stage.us.create(path, bytes('one'), 'persistent');
    await fails('bad_version', stage.us.write(path, bytes('two'), stat.version + 1));
    const written = await stage.them.write(path, bytes('theirs'), stat.version);
    await fails('bad_version', stage.us.write(path, bytes('ours'), stat.version));
    deepEqual(await stage.us.exists(path), written);
    equal(text((await stage.us.read(path))?.data), 'theirs');
    await fails('no_node', stage.us.write(`${path}/none`, nothing, 0));
    await fails('no_node', stage.us.write(`${path}-none`, nothing, 0));
  });

  it('lets exactly one of two writers by the same version win', async () => {
    const path = `${await stage.parent()}/a`;
    let { version } = (await stage.us.create(path, nothing, 'persistent')).stat;
    for (let round = 0; round < 20; round++) {
      const race = await Promise.allSettled(
        [stage.us, stage.them].map((tree, who) => tree.write(path, bytes(`${who}`), version)),
      );
      deepEqual(race.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], `round ${round}`);
      version++;
      await stage.us.sync(path);
      equal((await stage.us.exists(path))?.version, version);
    }
  });

  it('removes by version or without, and answers false for what is gone', async () => {
    const path = `${await stage.parent()}/a`;
    const { stat } = await stage.us.create(path, nothing, 'persistent');
    await fails('bad_version', stage.us.remove(path, stat.version + 1));
    ok(await stage.us.exists(path));
    equal(await stage.us.remove(path, stat.version), true);
    equal(await stage.us.exists(path), undefined);
    equal(await stage.us.remove(path, stat.version), false);
    equal(await stage.us.remove(path), false);
    equal(await stage.us.remove(`${path}/below`), false);
    await stage.us.create(path, bytes('again'), 'ephemeral');
    equal(await stage.them.remove(path), true);
    await stage.us.sync(path);
    equal(await stage.us.exists(path), undefined);
  });

  it('gives a node that was created again a czxid of its own', async () => {
    const path = `${await stage.parent()}/a`;
    let last = 0n;
    for (let round = 0; round < 5; round++) {
      const { stat } = await stage.us.create(path, nothing, 'persistent');
      ok(stat.czxid > last, `${stat.czxid} after ${last}`);
      equal(stat.version, 0);
      last = (await stage.us.write(path, nothing, 0)).mzxid;
      await stage.us.remove(path);
    }
  });

  it('does not remove a node that has children', async () => {
    const parent = await stage.parent();
    await stage.us.create(`${parent}/a`, nothing, 'ephemeral');
    await fails('not_empty', stage.us.remove(parent));
    await fails('not_empty', stage.them.remove(parent, 0));
    await stage.us.remove(`${parent}/a`);
    equal(await stage.us.remove(parent), true);
  });

  it('holds data and children in one node, whichever came first, and a child changes nothing of it', async () => {
    const parent = await stage.parent();
    for (const [index, mode] of persistent.entries()) {
      const path = `${parent}/${mode}`;
      const { stat } = await stage.us.create(path, bytes('of the parent'), mode);
      await stage.us.create(`${path}/a`, bytes('of the child'), 'persistent');
      const read = await stage.them.read(path);
      equal(text(read?.data), 'of the parent');
      deepEqual(read?.stat, stat, 'czxid, mzxid and version of a parent are not moved by its children');
      const written = await stage.us.write(path, bytes('changed'), 0);
      equal(written.version, 1);
      equal(text((await stage.us.read(path))?.data), 'changed');
      deepEqual((await stage.us.children(path))?.names, ['a']);
      equal(text((await stage.us.read(`${path}/a`))?.data), 'of the child');
      equal(await stage.us.remove(`${path}/a`), true);
      deepEqual(await stage.us.children(path), { names: [], stat: written });
      equal(text((await stage.us.read(path))?.data), 'changed');
      equal(await stage.us.remove(path, 1), true, `${index}`);
      equal(await stage.us.exists(path), undefined);
      await stage.us.create(path, nothing, mode);
      equal((await stage.us.read(path))?.data.length, 0, 'nothing of the old node shines through');
      await stage.us.create(`${path}/a`, nothing, 'persistent');
      equal((await stage.us.write(path, bytes('late'), 0)).size, 4);
      equal(text((await stage.us.read(path))?.data), 'late');
    }
  });

  it('says whose an ephemeral is', async () => {
    const path = `${await stage.parent()}/a`;
    const { stat } = await stage.us.create(path, nothing, 'ephemeral');
    equal(stat.owner, 'us');
    equal(stat.ownerId, stage.us.session.id);
    await stage.them.sync(path);
    deepEqual(await stage.them.exists(path), { ...stat, owner: 'other' });
    const written = await stage.them.write(path, bytes('x'), 0);
    equal(written.owner, 'other', 'who writes does not become the owner');
    equal((await stage.us.read(path))?.stat.owner, 'us');
    for (const mode of persistent) {
      const other = await stage.us.create(`${path}-${mode}`, nothing, mode);
      deepEqual([other.stat.owner, other.stat.ownerId], ['none', '']);
    }
  });

  it('numbers sequential nodes with ten digits that grow, each parent for itself, and never uses one twice', async () => {
    const parent = await stage.parent();
    const add = (below: string): Promise<string> =>
      stage.us.create(`${below}/member_`, bytes('x'), 'ephemeral_sequential').then(({ path }) => path);
    const first = await add(parent);
    match(first, parent);
    equal((await stage.us.exists(first))?.owner, 'us');
    const second = await add(parent);
    ok(number(second) > number(first));
    await stage.us.remove(second);
    const third = await add(parent);
    ok(number(third) > number(second), 'a removed number does not come back');
    equal(number(await add(await stage.parent())), number(first), 'another parent begins anew');
    const other = await stage.us.create(`${parent}/lock-`, nothing, 'ephemeral_sequential');
    ok(number(other.path) > number(third), 'the count is the parent’s, not the prefix’s');
  });

  it('never gives two racing creators the same number', async () => {
    const parent = await stage.parent();
    const creators = Array.from({ length: 20 }, (_, index) => (index % 2 ? stage.us : stage.them));
    const paths = await Promise.all(
      creators.map((tree) => tree.create(`${parent}/n`, nothing, 'ephemeral_sequential').then(({ path }) => path)),
    );
    equal(new Set(paths).size, 20);
    deepEqual(new Set((await stage.us.children(parent))?.names.map((name) => `${parent}/${name}`)), new Set(paths));
  });

  it('keeps every byte, from none to 64 KiB', async () => {
    const parent = await stage.parent();
    const every = Uint8Array.from({ length: MAX_NODE_BYTES }, (_, index) => (index * 7) % 256);
    for (const data of [nothing, every.subarray(0, 256), every]) {
      for (const mode of ['persistent', 'ephemeral'] as const) {
        const path = `${parent}/${mode}-${data.length}`;
        equal((await stage.us.create(path, data, mode)).stat.size, data.length);
        const read = await stage.them.read(path);
        equal(Buffer.compare(read!.data, data), 0);
        equal(read!.stat.size, data.length);
        await stage.us.write(path, data.subarray(0, data.length / 2), 0);
        equal(Buffer.compare((await stage.them.read(path))!.data, data.subarray(0, data.length / 2)), 0);
      }
    }
  });

  it('refuses to write more than 64 KiB, and to read it; exists tells the size', async () => {
    const parent = await stage.parent();
    const tooMuch = new Uint8Array(MAX_NODE_BYTES + 1);
    await fails('too_large', stage.us.create(`${parent}/a`, tooMuch, 'persistent'));
    equal(await stage.us.exists(`${parent}/a`), undefined);
    await stage.us.create(`${parent}/a`, bytes('kept'), 'persistent');
    await fails('too_large', stage.us.write(`${parent}/a`, tooMuch, 0));
    equal(text((await stage.us.read(`${parent}/a`))?.data), 'kept');
    await stage.harness.plant(`${parent}/b`, tooMuch);
    await stage.us.sync(parent);
    equal((await stage.us.exists(`${parent}/b`))?.size, tooMuch.length);
    await fails('too_large', stage.us.read(`${parent}/b`));
    equal((await stage.us.children(`${parent}/b`))?.stat.size, tooMuch.length);
    equal(await stage.us.remove(`${parent}/b`), true);
  });

  it('finds what a foreign program wrote, and may write and remove it', async () => {
    const parent = await stage.parent();
    await stage.harness.plant(`${parent}/static`, bytes('by hand'));
    await stage.us.sync(parent);
    const read = await stage.us.read(`${parent}/static`);
    equal(text(read?.data), 'by hand');
    equal(read?.stat.owner, 'none');
    deepEqual(await stage.us.exists(`${parent}/static`), read.stat, 'and tells the same of it twice');
    deepEqual((await stage.them.children(parent))?.names, ['static']);
    await fails('node_exists', stage.us.create(`${parent}/static`, nothing, 'ephemeral'));
    const written = await stage.us.write(`${parent}/static`, bytes('by us'), read.stat.version);
    ok(written.mzxid > read.stat.mzxid);
    equal(written.czxid, read.stat.czxid);
    await fails('bad_version', stage.us.remove(`${parent}/static`, read.stat.version));
    equal(await stage.us.remove(`${parent}/static`, written.version), true);
  });

  it('takes the names that ZooKeeper takes', async () => {
    const parent = await stage.parent();
    for (const mode of ['ephemeral', 'persistent'] as const) {
      for (const name of oddNames) {
        const { path } = await stage.us.create(`${parent}/${name}`, bytes(`I am ${name}`), mode);
        equal(path, `${parent}/${name}`);
      }
      await stage.them.sync(parent);
      deepEqual([...(await stage.them.children(parent))!.names].sort(), [...oddNames].sort());
      for (const name of oddNames) {
        const path = `${parent}/${name}`;
        equal(text((await stage.them.read(path))?.data), `I am ${name}`);
        if (mode === 'persistent') {
          await stage.us.create(`${path}/${name}`, bytes('below'), 'persistent');
          deepEqual((await stage.us.children(path))?.names, [name]);
          equal(text((await stage.us.read(path))?.data), `I am ${name}`);
          await stage.us.remove(`${path}/${name}`);
        }
        equal(await stage.us.remove(path, 0), true, name);
      }
      deepEqual((await stage.us.children(parent))?.names, []);
    }
  });

  it('refuses a path that is none before anything is sent', async () => {
    for (const path of badPaths) {
      await fails('bad_path', stage.us.exists(path));
      await fails('bad_path', stage.us.read(path));
      await fails('bad_path', stage.us.children(path));
      await fails('bad_path', stage.us.create(path, nothing, 'persistent'));
      await fails('bad_path', stage.us.create(path, nothing, 'ephemeral_sequential'));
      await fails('bad_path', stage.us.write(path, nothing, 0));
      await fails('bad_path', stage.us.remove(path));
      await fails('bad_path', stage.us.sync(path));
    }
  });

  it('has a root that is always there and lists what is below it', async () => {
    const parent = await stage.parent();
    ok(await stage.us.exists('/'));
    ok(await stage.us.read('/'));
    ok((await stage.us.children('/'))!.names.includes(parent.slice(1)));
    await fails('node_exists', stage.us.create('/', nothing, 'persistent'));
  });

  it('reads after a sync what was written before it, and syncs what is not there', async () => {
    const path = `${await stage.parent()}/a`;
    await stage.us.sync(path);
    let { stat } = await stage.them.create(path, nothing, 'persistent');
    for (let round = 0; round < 10; round++) {
      stat = await stage.them.write(path, bytes(`${round}`), stat.version);
      await stage.us.sync(path);
      equal(text((await stage.us.read(path))?.data), `${round}`);
    }
  });
}

const number = (path: string): number => Number(path.slice(-10));
const match = (path: string, parent: string): void =>
  ok(path.startsWith(`${parent}/member_`) && /_\d{10}$/.test(path), `ten digits after the prefix: ${path}`);
