/** What the file system's events alone bring: no time passes for these watches, so the net never helps. */
import { equal } from 'node:assert/strict';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Watches } from '../../../../agent/registry/directory/watches.js';
import { openDirectory } from '../../../../agent/registry/directory.js';
import type { Tree } from '../../../../agent/registry/tree.js';
import { random } from '../../../../agent/system.js';
import { FakeClock } from '../../../support/clock.js';
import { bell, connected } from '../tree-contract.js';
import { makeFolder } from './folder.js';
import type { Folder } from './folder.js';

describe('a watch that has only events', () => {
  let folder: Folder;
  let tree: Tree;
  const at = (...path: string[]): string => join(folder.path, ...path);
  before(async () => {
    folder = await makeFolder();
    tree = openDirectory({ path: folder.path, sessionTimeoutMs: 4_000, clock: new FakeClock(), random, emit: () => undefined });
    await connected(tree);
  });
  after(async () => {
    await tree.close();
    await folder.remove();
  });
  /** Arms both kinds of watch, does it, and waits for those that must hear of it. */
  const hears = async (
    path: string,
    kinds: readonly ('exists' | 'children')[],
    change: () => Promise<unknown>,
  ): Promise<void> => {
    const bells = await Promise.all(
      kinds.map(async (kind) => {
        const { ring, heard } = bell();
        await tree[kind](path, ring);
        return heard;
      }),
    );
    await change();
    await Promise.all(bells.map((heard) => heard()));
  };
  const both = ['exists', 'children'] as const;

  it('hears of a node whose parents come to be one by one', async () => {
    await hears('/a/b/c', both, async () => {
      await mkdir(at('a'));
      await mkdir(at('a/b'));
      await writeFile(at('a/b/c'), 'x');
    });
  });

  it('hears of parents that are made elsewhere and moved into place', async () => {
    await mkdir(at('made/d'), { recursive: true });
    await writeFile(at('made/d/e'), 'x');
    await hears('/moved/d/e', both, () => rename(at('made'), at('moved')));
  });

  it('hears of a node that goes with its folder, and comes back with another', async () => {
    await mkdir(at('f/f'), { recursive: true });
    await writeFile(at('f/f/f'), 'x');
    await hears('/f/f/f', both, () => rm(at('f'), { recursive: true }));
    await hears('/f/f', both, async () => {
      await mkdir(at('f/f'), { recursive: true });
    });
    await hears('/f/f', ['children'], () => writeFile(at('f/f/g'), 'x'));
    await hears('/f/f', both, () => rm(at('f/f'), { recursive: true }));
  });

  it('hears of what happened between the look and the arming', async () => {
    const watches = new Watches(folder.path, async () => 'new', () => undefined); // prettier-ignore
    try {
      const [early, late] = [bell(), bell()];
      const one = await watches.listen('node', '/between');
      const other = await watches.listen('node', '/between');
      watches.arm(one, 'old', early.ring);
      await writeFile(at('between'), 'x');
      await early.heard(); // so the other has had the event too
      watches.arm(other, 'old', late.ring);
      await late.heard();
    } finally {
      watches.close();
    }
  });

  it('listens once for all watches of a folder, and to no folder that nobody watches', async () => {
    const watches = new Watches(folder.path, async () => 'same', () => undefined); // prettier-ignore
    await mkdir(at('quiet'));
    const armed = await Promise.all(Array.from({ length: 20 }, (_, index) => watches.listen('node', `/quiet/${index}`)));
    equal(watches.listeners, 1);
    for (const watch of armed) watches.drop(watch);
    await watches.glance(false);
    equal(watches.listeners, 0);
    watches.close();
  });

  it('looks at a glance when a folder has a new time and no event came, and only then', async () => {
    let looks = 0;
    let mark = 'old';
    const watches = new Watches(folder.path, async () => (looks++, mark), () => undefined); // prettier-ignore
    for (let index = 0; index < 256; index++) {
      await mkdir(at(`heard-${index}`));
      await watches.listen('children', `/heard-${index}`);
    }
    await mkdir(at('deaf'));
    const watch = await watches.listen('children', '/deaf');
    equal(watches.listeners, 256);
    const { ring, heard, rung } = bell();
    watches.arm(watch, 'old', ring);
    await watches.glance(false);
    await watches.glance(false);
    equal(looks, 0);
    mark = 'new';
    await writeFile(at('deaf/child'), 'x');
    equal(rung(), 0);
    await watches.glance(false);
    await heard();
    equal(looks, 1);
    watches.close();
  });
});
