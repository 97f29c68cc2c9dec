import { setTimeout as sleep } from 'node:timers/promises';
import type { Tree } from '../../../agent/registry/tree.js';
import { MemoryStore, MemoryTree } from '../../support/memory-tree.js';
import { contract } from './tree-contract.js';

const store = new MemoryStore();
const trees = new Map<Tree, MemoryTree>();
const ours = (tree: Tree): MemoryTree => trees.get(tree)!;

contract('memory', {
  start: async () => undefined,
  open() {
    const tree = new MemoryTree(store, { auto: true, connected: false });
    void sleep(50).then(() => tree.connect());
    trees.set(tree, tree);
    return tree;
  },
  expire: async (tree) => ours(tree).expire(),
  cut: async (tree) => ours(tree).lose(),
  heal: async (tree) => ours(tree).connect(),
  plant: async (path, data) => store.plant(path, data),
  stop: async () => undefined,
});
