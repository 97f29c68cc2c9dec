/**
 * The contract of the tree on a folder, in memory where the machine has such a place (the other tests here are on the disk). Each tree
 * comes to it by a symbolic link of its own, which is what can be cut.
 */
import { existsSync } from 'node:fs';
import { symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileOf } from '../../../../agent/registry/directory/names.js';
import type { Tree } from '../../../../agent/registry/tree.js';
import { contract } from '../tree-contract.js';
import type { Harness } from '../tree-contract.js';
import { makeFolder } from './folder.js';
import type { Folder } from './folder.js';

function harness(parent: string): Harness {
  let folder: Folder;
  let links: Folder;
  const linkOf = new Map<Tree, string>();
  return {
    async start() {
      folder = await makeFolder(parent);
      links = await makeFolder(tmpdir());
    },
    async open() {
      const link = join(links.path, `${linkOf.size}`);
      await symlink(folder.path, link);
      const tree = folder.open({ path: link, sessionTimeoutMs: 6_000 });
      linkOf.set(tree, link);
      return tree;
    },
    /** Its lease taken away, as another process does that found it dead. */
    expire: (tree) => unlink(join(folder.path, '.zidecar/sessions', `${tree.session.id}.lease`)),
    cut: (tree) => unlink(linkOf.get(tree)!),
    heal: (tree) => symlink(folder.path, linkOf.get(tree)!),
    plant: (path, data) => writeFile(join(folder.path, ...path.split('/').map(fileOf)), data),
    async stop() {
      await folder.remove();
      await links.remove();
    },
  };
}

contract('a folder', harness(existsSync('/dev/shm') ? '/dev/shm' : tmpdir()));
