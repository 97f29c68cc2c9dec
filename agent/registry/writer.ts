/**
 * What every way of announcing does to the tree: creating with what is missing above, taking over in one go, and one watch a path. Decides
 * nothing.
 */
import type { Dialect, Placed } from './dialects/dialect.js';
import { parentOf } from './node-path.js';
import { RegistryError } from './tree.js';
import type { Mode, Tree, Versioned } from './tree.js';

export class Writer {
  readonly #tree: Tree;
  /** Armed watches on nodes that we announce: at most one a path, since arming again leaks in the native client. */
  readonly #armed = new Map<string, { onChange: () => void }>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** What is missing above is created each time, since the servers take an empty container away. */
  async create(path: string, { data, mode }: Pick<Placed, 'data' | 'mode'>, parents: Dialect['parents']): Promise<string> {
    try {
      return (await this.#tree.create(path, data, mode)).path;
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'no_parent') || parentOf(path) === '/') throw error;
      await this.create(parentOf(path), { data: new Uint8Array(), mode: parents }, parents).catch((failure: unknown) => {
        if (!(failure instanceof RegistryError && failure.code === 'node_exists')) throw failure;
      });
      return (await this.#tree.create(path, data, mode)).path;
    }
  }

  /**
   * As one change where the tree can. Else both are sent before either is answered, so that the servers carry them out one right after the other:
   * a peer that hears of the removal and asks for the list finds the node that has followed it. Answers with the path of the new one.
   */
  async replace(old: Versioned, path: string, data: Uint8Array, mode: Mode): Promise<string> {
    const replaced = this.#tree.replace?.(old, path, data, mode);
    if (replaced !== undefined) return (await replaced).path;
    const [removed, created] = await Promise.allSettled([
      this.#tree.remove(old.path, old.version),
      this.#tree.create(path, data, mode),
    ]);
    if (removed.status === 'rejected') throw removed.reason;
    if (created.status === 'rejected') throw created.reason;
    return created.value.path;
  }

  /** Asks with a watch, unless one is armed on that path already: that one will do, and calls the newest listener. */
  async watched<T>(path: string, onChange: () => void, ask: (changed?: () => void) => Promise<T>): Promise<T> {
    const armed = this.#armed.get(path);
    if (armed) {
      armed.onChange = onChange;
      return ask();
    }
    const watch = { onChange };
    this.#armed.set(path, watch);
    const disarm = (): void => {
      if (this.#armed.get(path) === watch) this.#armed.delete(path);
    };
    try {
      return await ask(() => (disarm(), watch.onChange()));
    } catch (error) {
      disarm();
      throw error;
    }
  }
}

export const same = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined && Buffer.compare(one, other) === 0;
