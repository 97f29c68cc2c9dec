/**
 * What every adapter of the port in agent/registry/tree.ts has to keep, as tests. An adapter's own test file brings a Harness for its
 * store and calls `contract('the folder', harness)`; all three chapters then run on one store, each test below a parent of its own.
 *
 * The chapters wait for events, never for a span of time: the only limits are generous ones that end a hang.
 */
import { describe, after, before } from 'node:test';
import type { Tree } from '../../../agent/registry/tree.js';
import { nodes } from './tree-contract/nodes.js';
import { sessions } from './tree-contract/sessions.js';
import { watches } from './tree-contract/watches.js';

/** Rules a store for the contract. Every session timeout should be long enough for a slow machine (4 s is), short enough to wait for. */
export interface Harness {
  /** Makes the store ready, with nothing in it that the contract would meet (its paths begin with `/contract-`). */
  start(): Promise<void>;
  /** A tree with a session of its own, as another process would have. Must not wait until it is connected. */
  open(): Tree | Promise<Tree>;
  /** Ends the tree's session behind its back, as the store's expiry does. May resolve before the tree has heard of it. */
  expire(tree: Tree): Promise<void>;
  /** Takes the connection of this tree away, and of no other. The session lives on until its timeout. */
  cut(tree: Tree): Promise<void>;
  /** Gives back what `cut` took. */
  heal(tree: Tree): Promise<void>;
  /** Puts a persistent node there, not through a tree but as a foreign program would; may be more than a tree would write. */
  plant(path: string, data: Uint8Array): Promise<void>;
  /** Closes what is still open and removes the store. */
  stop(): Promise<void>;
}

/** Two trees that stay connected throughout, and a way to more. `us` and `them` are set before the first test runs. */
export interface Stage {
  readonly harness: Harness;
  readonly us: Tree;
  readonly them: Tree;
  /** A new persistent parent for one test. */
  parent(): Promise<string>;
  /** One more tree, connected. The test closes it. */
  another(): Promise<Tree>;
}

export function contract(name: string, harness: Harness): void {
  describe(`the tree in ${name}`, { concurrency: false }, () => {
    let pair: readonly [Tree, Tree] | undefined;
    const opened = new Set<Tree>();
    let made = 0;
    const stage: Stage = {
      harness,
      get us() {
        return pair![0];
      },
      get them() {
        return pair![1];
      },
      async parent() {
        const path = `/contract-${++made}`;
        await stage.us.create(path, new Uint8Array(), 'persistent');
        return path;
      },
      async another() {
        const tree = await harness.open();
        opened.add(tree);
        await connected(tree);
        return tree;
      },
    };
    before(async () => {
      await harness.start();
      pair = [await stage.another(), await stage.another()];
    });
    after(async () => {
      await Promise.all([...opened].map((tree) => tree.close())); // those of a test that failed too, or this process would not end
      await harness.stop();
    });

    describe('nodes', () => nodes(stage));
    describe('watches', () => watches(stage));
    describe('sessions', () => sessions(stage));
  });
}

/** Resolves when the tree is in a session; the present one counts. */
export const connected = (tree: Tree): Promise<void> =>
  tree.session.state === 'connected' ? Promise.resolve() : until(() => tree.session.state === 'connected', 'a session');

/** Looks again and again until the claim holds; a minute without is a failure, not a flap. */
export async function until(claim: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await claim())) {
    if (performance.now() > end) throw new Error(`waited 60 s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A listener that counts its calls, and the first of them as a promise. */
export function bell(): { readonly ring: () => void; readonly rung: () => number; readonly heard: () => Promise<void> } {
  let calls = 0;
  return { ring: () => (calls += 1), rung: () => calls, heard: () => until(() => calls > 0, 'a watch to be called') };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (data: Uint8Array | undefined): string | undefined => data && new TextDecoder().decode(data);
