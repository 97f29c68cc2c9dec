/** A folder for the trees of one test file, in memory where the machine has room for it there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectory } from '../../../../agent/registry/directory.js';
import type { Tree } from '../../../../agent/registry/tree.js';
import type { Fact } from '../../../../agent/events.js';
import { clock, random } from '../../../../agent/system.js';

export interface Folder {
  readonly path: string;
  /** All facts that its trees told, in order. */
  readonly facts: Fact[];
  open(options?: { readonly path?: string; readonly sessionTimeoutMs?: number }): Tree;
  /** Closes all its trees, and removes it. */
  remove(): Promise<void>;
}

export async function makeFolder(parent = tmpdir()): Promise<Folder> {
  const path = await mkdtemp(join(parent, 'zidecar-tree-'));
  const facts: Fact[] = [];
  const trees: Tree[] = [];
  return {
    path,
    facts,
    open({ path: at = path, sessionTimeoutMs = 4_000 } = {}) {
      const tree = openDirectory({ path: at, sessionTimeoutMs, clock, random, emit: (fact) => facts.push(fact) });
      trees.push(tree);
      return tree;
    },
    async remove() {
      await Promise.all(trees.map((tree) => tree.close()));
      // a goodbye that waits for its turn at the lock may outlast close
      await rm(path, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
    },
  };
}
