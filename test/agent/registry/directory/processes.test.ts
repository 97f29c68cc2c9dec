/** Several processes in one folder: who wins a race, what a killed and a frozen one leave behind, and what a reader sees meanwhile. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Tree } from '../../../../agent/registry/tree.js';
import { bell, bytes, connected, text, until } from '../tree-contract.js';
import { makeFolder } from './folder.js';
import type { Folder } from './folder.js';
import { startOther } from './other-process.js';

type Other = Awaited<ReturnType<typeof startOther>>;

describe('several processes in one folder', () => {
  let folder: Folder;
  let us: Tree;
  let others: Other[] = [];
  const start = async (sessionTimeoutMs = 10_000): Promise<Other> => {
    const other = await startOther(folder.path, sessionTimeoutMs);
    others.push(other);
    return other;
  };
  before(async () => {
    folder = await makeFolder();
    us = folder.open({ sessionTimeoutMs: 10_000 });
    await connected(us);
  });
  afterEach(async () => {
    await Promise.all(others.map((other) => other.kill()));
    others = [];
  });
  after(() => folder.remove());

  it('loses the ephemerals of a process that was killed, and what else it left', async () => {
    await us.create('/killed', new Uint8Array(), 'persistent');
    const other = await start();
    deepEqual(await other.ask({ create: ['/killed/a', '/killed/b'], mode: 'ephemeral' }), ['/killed/a', '/killed/b']);
    const { ring, heard } = bell();
    equal((await us.children('/killed', ring))?.names.length, 2);
    await other.kill();
    await heard();
    await until(async () => (await us.children('/killed'))?.names.length === 0, 'both to vanish');
  });

  it('ends the session of a frozen process, which comes back in a new epoch', async () => {
    await us.create('/frozen', new Uint8Array(), 'persistent');
    const other = await start(3_000); // outlives a moment in which the machine stands still
    await other.ask({ create: ['/frozen/a'], mode: 'ephemeral' });
    await other.ask({ states: true });
    other.signal('SIGSTOP');
    await until(async () => (await us.exists('/frozen/a')) === undefined, 'its ephemeral to vanish');
    other.signal('SIGCONT');
    const states: string[] = [];
    await until(async () => {
      states.push(...(await other.ask({ states: true })));
      return states.includes('connected 2');
    }, 'its second session');
    deepEqual(
      states.filter((state) => !state.startsWith('suspended')),
      ['expired 1', 'connecting 1', 'connected 2'],
    );
    deepEqual(await other.ask({ create: ['/frozen/a'], mode: 'ephemeral' }), ['/frozen/a']);
  });

  it('lets exactly one of two racing processes create each of 200 nodes', async () => {
    await us.create('/race', new Uint8Array(), 'persistent');
    const two = [await start(), await start()];
    for (let round = 0; round < 200; round += 10) {
      const names = Array.from({ length: 10 }, (_, index) => `/race/${round + index}`);
      const made = await Promise.all(two.map((each) => each.ask({ create: names, mode: 'persistent', data: 'x' })));
      for (const [index, name] of names.entries()) {
        deepEqual(made.map((answers) => answers[index]).sort(), [name, 'node_exists'].sort());
      }
    }
  });

  it('never gives two racing processes the same number', async () => {
    await us.create('/numbers', new Uint8Array(), 'persistent');
    const names = Array.from({ length: 50 }, () => '/numbers/n-');
    const two = [await start(), await start()];
    const paths = (await Promise.all(two.map((each) => each.ask({ create: names, mode: 'ephemeral_sequential' })))).flat();
    equal(new Set(paths).size, 100);
    ok(paths.every((path) => /^\/numbers\/n-\d{10}$/.test(path)));
  });

  it('shows a reader the data of the version that it is told, while others write', async () => {
    await us.create('/written', bytes('0'), 'persistent');
    const writer = await start();
    void writer.ask({ writeForEver: '/written' });
    const seen = new Set<number>();
    let last = 0n;
    await until(async () => {
      const { data, stat } = (await us.read('/written'))!;
      equal(text(data), `${stat.version}`);
      equal(stat.size, data.length);
      ok(stat.mzxid >= last);
      last = stat.mzxid;
      return seen.add(stat.version).size >= 50;
    }, 'fifty versions');
  });

  it('survives a writer that is killed at any moment', async () => {
    await us.create('/torn', bytes('0'), 'ephemeral');
    for (let round = 0; round < 2; round++) {
      const writer = await start();
      const begin = (await us.exists('/torn'))!.version;
      void writer.ask({ writeForEver: '/torn' });
      await until(async () => (await us.exists('/torn'))!.version > begin + 3 * round, 'some writes');
      await writer.kill();
      const { data, stat } = (await us.read('/torn'))!;
      equal(text(data), `${stat.version}`);
      equal(stat.owner, 'us');
      const written = await us.write('/torn', bytes(`${stat.version + 1}`), stat.version); // waits for its lock, if it had it
      equal(written.version, stat.version + 1);
    }
  });

  it('never misses a leaf while it becomes a folder', async () => {
    const writer = await start();
    await us.create('/leaves', new Uint8Array(), 'persistent');
    const leaves = Array.from({ length: 20 }, (_, index) => `/leaves/${index}`);
    for (const leaf of leaves) await us.create(leaf, bytes(leaf), 'persistent');
    let isOver = false;
    const made = writer.ask({ create: leaves.map((leaf) => `${leaf}/child`), mode: 'persistent' }).finally(() => (isOver = true));
    while (!isOver) {
      equal((await us.children('/leaves'))!.names.length, 20);
      for (const leaf of leaves) equal(text((await us.read(leaf))?.data), leaf);
    }
    deepEqual(
      await made,
      leaves.map((leaf) => `${leaf}/child`),
    );
  });
});
