/** What else happens to a folder: people who write files, things that are no nodes, a folder that comes late or goes away. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { appendFile, mkdir, readdir, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join, relative } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { openDirectory } from '../../../../agent/registry/directory.js';
import { RegistryError, type Tree } from '../../../../agent/registry/tree.js';
import { clock, random } from '../../../../agent/system.js';
import { bell, bytes, connected, text, until } from '../tree-contract.js';
import { fails } from '../tree-contract/nodes.js';
import { makeFolder } from './folder.js';
import type { Folder } from './folder.js';

describe('a folder that people write in', () => {
  let folder: Folder;
  let tree: Tree;
  const at = (...path: string[]): string => join(folder.path, ...path);
  before(async () => {
    folder = await makeFolder();
    tree = folder.open();
    await connected(tree);
  });
  after(() => folder.remove());

  it('shows a static peer that a shell wrote to whoever watches, before its folder is there and after', async () => {
    const first = bell();
    equal(await tree.children('/services/orders', first.ring), undefined);
    execFileSync('sh', ['-c', `mkdir -p services/orders && echo '{"name":"orders"}' > services/orders/a1`], { cwd: folder.path });
    await first.heard();
    await until(async () => (await tree.children('/services/orders'))?.names.includes('a1') ?? false, 'the peer');
    await until(async () => text((await tree.read('/services/orders/a1'))?.data) === '{"name":"orders"}\n', 'its data');
    equal((await tree.exists('/services/orders/a1'))?.owner, 'none');
    const second = bell();
    await tree.children('/services/orders', second.ring);
    await writeFile(at('services/orders/a2'), '{}');
    await second.heard();
  });

  it('gives a file another version and mzxid when it is edited in place', async () => {
    await writeFile(at('edited'), 'one');
    const { ring, heard } = bell();
    const before = (await tree.read('/edited', ring))!.stat;
    await laterThan(at('edited'), at('.later'));
    await appendFile(at('edited'), ' two');
    await heard();
    const after = (await tree.read('/edited'))!;
    equal(text(after.data), 'one two');
    ok(after.stat.mzxid > before.mzxid);
    await fails('bad_version', tree.write('/edited', bytes('three'), before.version));
    equal((await tree.write('/edited', bytes('three'), after.stat.version)).size, 5);
  });

  it('takes an ephemeral from its owner when a person writes it', async () => {
    await tree.create('/mine', bytes('ours'), 'ephemeral');
    const { ring, heard } = bell();
    await tree.read('/mine', ring);
    await writeFile(at('mine'), 'theirs');
    await heard();
    const { data, stat } = (await tree.read('/mine'))!;
    deepEqual([text(data), stat.owner], ['theirs', 'none']);
    const other = folder.open();
    await connected(other);
    await tree.close();
    equal(text((await other.read('/mine'))?.data), 'theirs', 'and it stays when the session ends');
    tree = other;
  });

  it('moves a leaf and its first child below it like any node, when a person made the leaf', async () => {
    await writeFile(at('leaf'), 'data');
    const before = await tree.exists('/leaf');
    await tree.create('/leaf/child', bytes('x'), 'ephemeral');
    deepEqual(await tree.exists('/leaf'), before);
    equal(text((await tree.read('/leaf'))?.data), 'data');
    const { path } = await tree.create('/leaf/n-', bytes('x'), 'ephemeral_sequential');
    equal(path, '/leaf/n-0000000000');
    deepEqual(await tree.exists('/leaf'), before);
  });

  it('has a leaf that lost its file to its dotfile, as a kill on the way to a folder leaves it', async () => {
    await tree.create('/half', new Uint8Array(), 'persistent');
    const { stat } = await tree.create('/half/way', bytes('data'), 'persistent');
    await rename(at('half/way'), at('half/.way.data'));
    deepEqual(await tree.exists('/half/way'), stat);
    deepEqual((await tree.children('/half'))?.names, ['way']);
    deepEqual((await tree.children('/half/way'))?.names, []);
    await fails('node_exists', tree.create('/half/way', bytes('x'), 'persistent'));
    await fails('not_empty', tree.remove('/half'));
    await tree.create('/half/way/child', bytes('x'), 'persistent');
    equal(text((await tree.read('/half/way'))?.data), 'data');
    await tree.remove('/half/way/child');
    equal(await tree.remove('/half/way', 0), true);
    equal(await tree.remove('/half'), true);
  });

  it('lets zxids grow though the wall clock is behind', async () => {
    await writeFile(at('ahead'), 'x');
    const behind = openDirectory({
      path: folder.path,
      sessionTimeoutMs: 4_000,
      clock: { ...clock, wall: () => 5 },
      random,
      emit: () => undefined,
    });
    await connected(behind);
    const before = (await behind.exists('/ahead'))!;
    const written = await behind.write('/ahead', bytes('y'), before.version);
    ok(written.mzxid > before.mzxid);
    await rm(at('.zidecar/zxid'));
    ok((await behind.write('/ahead', bytes('z'), written.version)).mzxid > written.mzxid);
    await behind.close();
  });

  it('ignores links, pipes, sockets and names that are no names', async () => {
    await mkdir(at('odd/real'), { recursive: true });
    await writeFile(at('odd/real/below'), 'x');
    await writeFile(at('odd/real/two\nlines'), 'x');
    await writeFile(at('odd/real/.hidden'), 'x');
    await writeFile(at('odd/real/%41'), 'x');
    await writeFile(at('odd/real', `%sha256-${'0'.repeat(64)}`), 'x');
    await symlink('/etc', at('odd/link'));
    await symlink('/etc/hostname', at('odd/file'));
    await symlink('real', at('odd/inside'));
    execFileSync('mkfifo', [at('odd/pipe')]);
    const servers = await Promise.all(['socket', '.real.node', 'real/.below.data'].map((name) => listening(at('odd', name))));
    execFileSync('mkfifo', [at('odd/real/.below.node')]);
    await symlink('/etc/hostname', at('odd/.real.data'));
    try {
      deepEqual((await tree.children('/odd'))?.names, ['real']);
      deepEqual((await tree.children('/odd/real'))?.names, ['below']);
      for (const name of ['link', 'link/hostname', 'file', 'inside', 'inside/below', 'pipe', 'socket']) {
        equal(await tree.exists(`/odd/${name}`), undefined, name);
        equal(await tree.read(`/odd/${name}`), undefined, name);
      }
      equal((await tree.read('/odd/real'))?.data.length, 0);
      equal(text((await tree.read('/odd/real/below'))?.data), 'x');
      await fails('node_exists', tree.create('/odd/pipe', bytes('x'), 'persistent'));
      await fails('no_parent', tree.create('/odd/link/a', bytes('x'), 'persistent'));
      await fails('not_empty', tree.remove('/odd'));
    } finally {
      for (const server of servers) server.close();
    }
  });

  it('tells the size of a huge file and does not read it', async () => {
    await writeFile(at('huge'), '');
    await truncate(at('huge'), 2 ** 40);
    equal((await tree.exists('/huge'))?.size, 2 ** 40);
    await fails('too_large', tree.read('/huge'));
  });

  it('takes nonsense in its own dotfiles for nothing', async () => {
    await tree.create('/a', bytes('data'), 'persistent');
    for (const nonsense of [
      '',
      'null',
      '[]',
      '{"states":[null]}',
      '{"__proto__":{"owner":"x"}}',
      '\0'.repeat(1_000),
      '{'.repeat(300_000),
    ]) {
      await writeFile(at('.a.node'), nonsense);
      equal(text((await tree.read('/a'))?.data), 'data');
    }
    await writeFile(at('.zidecar/zxid'), 'nonsense');
    const { stat } = await tree.create('/b', bytes('x'), 'ephemeral');
    ok(stat.mzxid > (await tree.exists('/a'))!.mzxid);
    const foreign = at('.zidecar/sessions/00000000-0000-0000-0000-000000000000.nodes');
    await writeFile(foreign, '["/b",7,"/../../etc/passwd"]');
    await writeFile(at('.zidecar/sessions/README'), 'nobody');
    const next = folder.open({ sessionTimeoutMs: 600 });
    await until(() => !existsSync(foreign), 'the list of a session without a lease to be removed');
    ok(await tree.exists('/b'));
    await next.close();
  });

  it('takes over a lock that a dead process left', async () => {
    await writeFile(at('.zidecar/lock'), 'of a dead process');
    ok(await tree.create('/locked', bytes('x'), 'persistent'));
  });

  it('hears of changes in more folders than it has listeners for, and says once that it takes longer', async () => {
    const many = Array.from({ length: 270 }, (_, index) => `many-${index}`);
    const bells = new Map(many.map((name) => [name, bell()]));
    for (const [name, { ring }] of bells) {
      await mkdir(at(name));
      await tree.children(`/${name}`, ring);
    }
    equal(folder.facts.filter(({ kind }) => kind === 'bound_reached').length, 1);
    for (const name of many) await writeFile(at(name, 'child'), '');
    await Promise.all([...bells.values()].map(({ heard }) => heard()));
  });
});

/** Resolves when what is written from now on has a later time than the file: clocks of file systems tick every few milliseconds. */
async function laterThan(file: string, probe: string): Promise<void> {
  const { mtimeNs } = statSync(file, { bigint: true });
  do await writeFile(probe, '');
  while (statSync(probe, { bigint: true }).mtimeNs <= mtimeNs);
}

/** By the call itself, or already by a look of the tree's own at the same moment. */
const lost = (call: Promise<unknown>): Promise<void> =>
  rejects(call, (error) => error instanceof RegistryError && ['connection_lost', 'disconnected'].includes(error.code));

function listening(path: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

describe('a folder that comes and goes', () => {
  let folder: Folder;
  const trouble = (): string[] => folder.facts.flatMap((fact) => (fact.kind === 'session_trouble' ? fact.why : []));
  before(async () => {
    folder = await makeFolder();
  });
  afterEach(() => folder.facts.splice(0));
  after(() => folder.remove());

  it('is waited for, with one sentence that says what to do', async () => {
    const path = join(folder.path, 'late');
    const tree = folder.open({ path: relative(process.cwd(), path), sessionTimeoutMs: 600 });
    equal(tree.session.server, path);
    await until(() => trouble().length > 0, 'the sentence');
    match(trouble()[0]!, new RegExp(`mkdir -p ${path}`));
    await mkdir(path);
    await connected(tree);
    equal(trouble().length, 1);
    await tree.close();
  });

  it('has to be a folder', async () => {
    const path = join(folder.path, 'file');
    await writeFile(path, '');
    const tree = folder.open({ path });
    await until(() => trouble().length > 0, 'the sentence');
    match(trouble()[0]!, /is not a folder/);
    await tree.close();
  });

  it('empties nothing while it is away, and is the same session when it is soon back', async () => {
    const [path, away] = [join(folder.path, 'moved'), join(folder.path, 'elsewhere')];
    await mkdir(path);
    const tree = folder.open({ path });
    await connected(tree);
    await tree.create('/a', bytes('x'), 'ephemeral');
    const { ring, rung } = bell();
    await tree.children('/', ring);
    await rename(path, away);
    await lost(tree.exists('/b'));
    equal(tree.session.state, 'suspended');
    await fails('disconnected', tree.children('/'));
    await until(() => trouble().length > 0, 'the sentence');
    await rename(away, path);
    await connected(tree);
    equal(tree.session.epoch, 1);
    equal((await tree.exists('/a'))?.owner, 'us');
    equal(rung(), 0);
    await tree.close();
  });

  it('goes on with its session after it was frozen for longer than the timeout, if nobody ended it', async () => {
    let skipped = 0;
    const jumping = { ...clock, now: () => clock.now() + skipped };
    const tree = openDirectory({
      path: folder.path,
      sessionTimeoutMs: 3_000,
      clock: jumping,
      random,
      emit: (fact) => folder.facts.push(fact),
    });
    await connected(tree);
    await tree.create('/a', bytes('x'), 'ephemeral');
    const { ring, rung } = bell();
    await tree.read('/a', ring);
    skipped = 60_001;
    const renewed = (): string => statSync(join(folder.path, '.zidecar/sessions', `${tree.session.id}.lease`)).mtimeMs.toString();
    const before = renewed();
    await until(() => renewed() !== before, 'its lease to be renewed');
    await tree.create('/b', bytes('x'), 'ephemeral');
    deepEqual([tree.session.state, tree.session.epoch, rung()], ['connected', 1, 0]);
    await tree.close();
  });

  it('is looked at without a trace by a tree that is read only', async () => {
    const path = join(folder.path, 'foreign');
    await mkdir(join(path, 'services'), { recursive: true });
    await writeFile(join(path, 'services/a'), 'x');
    const options = { path, sessionTimeoutMs: 600, clock, random, emit: () => undefined, readOnly: true };
    const tree = openDirectory(options);
    await connected(tree);
    const { ring, heard } = bell();
    deepEqual((await tree.children('/services', ring))?.names, ['a']);
    await writeFile(join(path, 'services/b'), 'x');
    await heard();
    await fails('no_auth', tree.create('/c', bytes('x'), 'persistent'));
    await fails('no_auth', tree.remove('/services/a'));
    await rename(path, `${path}-away`);
    await lost(tree.exists('/none'));
    await rename(`${path}-away`, path);
    await connected(tree);
    equal(await tree.exists('/none'), undefined);
    await tree.close();
    deepEqual(await readdir(path, { recursive: true }), ['services', 'services/a', 'services/b']);
  });

  it('does not do for a new session what was asked in the old one', async () => {
    const tree = folder.open({ sessionTimeoutMs: 900 });
    await connected(tree);
    await writeFile(join(folder.path, '.zidecar/lock'), 'somebody is slow');
    const asked = tree.create('/asked', bytes('x'), 'ephemeral');
    await unlink(join(folder.path, '.zidecar/sessions', `${tree.session.id}.lease`));
    await fails('expired', asked);
    await until(() => tree.session.epoch === 2, 'the next session');
    equal(await tree.exists('/asked'), undefined);
    await tree.close();
  });

  it('is a new tree when everything in it was removed, for a new session', async () => {
    const path = join(folder.path, 'wiped');
    await mkdir(path);
    const tree = folder.open({ path, sessionTimeoutMs: 1_000 });
    await connected(tree);
    await tree.create('/a', bytes('x'), 'ephemeral');
    const { ring, heard } = bell();
    await tree.read('/a', ring);
    await rm(path, { recursive: true, maxRetries: 50, retryDelay: 5 }); // while the tree writes in it
    await until(() => tree.session.state !== 'connected', 'the loss to be noticed');
    await mkdir(path);
    await heard();
    await until(() => tree.session.epoch === 2 && tree.session.state === 'connected', 'the next session');
    equal(await tree.exists('/a'), undefined);
    await tree.close();
  });

  it('ends a session whose lease was removed, but not when the whole folder of leases was', async () => {
    const path = join(folder.path, 'leases');
    await mkdir(path);
    const tree = folder.open({ path, sessionTimeoutMs: 3_000 });
    await connected(tree);
    const sessions = join(path, '.zidecar/sessions');
    await rename(sessions, `${sessions}-away`);
    await until(() => tree.session.state === 'suspended', 'the doubt');
    await rename(`${sessions}-away`, sessions);
    await connected(tree);
    equal(tree.session.epoch, 1);
    await unlink(join(sessions, `${tree.session.id}.lease`));
    await until(() => tree.session.epoch === 2 && tree.session.state === 'connected', 'the next session');
    await tree.close();
  });
});
