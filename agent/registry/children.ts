/**
 * What is known of the nodes below one parent: decides which names are worth a read and what the list is. Does no I/O; the watcher asks
 * the tree and tells what it heard.
 */
import type { Instance, Skip } from './dialects/dialect.js';
import type { Skipped } from './registry.js';

export interface Child {
  readonly name: string;
  /** The last change that was read; undefined before the first read. */
  mzxid: bigint | undefined;
  said: Instance | Skip | undefined;
  /** The watch on it, as long as it has not fired. */
  watch: object | undefined;
  /** It has: the node may be gone. */
  fired: boolean;
  checkedAt: number;
}

/** More children than this are not looked at: a bound on memory and reads, far above any service. */
export const MOST_CHILDREN = 20_000;

export class Children {
  readonly #known = new Map<string, Child>();
  #joined = 0;
  #left = 0;
  #changed = false;

  get size(): number {
    return this.#known.size;
  }

  get all(): IterableIterator<Child> {
    return this.#known.values();
  }

  get(name: string): Child | undefined {
    return this.#known.get(name);
  }

  /** Takes the whole list of names; answers with the new ones, and how many did not fit. Known ones stay before new ones come. */
  update(names: readonly string[]): { readonly joined: readonly Child[]; readonly beyond: number } {
    const present = new Set(names);
    for (const name of [...this.#known.keys()]) if (!present.has(name)) this.gone(name);
    const fresh = names.filter((name) => !this.#known.has(name)).sort();
    const taken = fresh.slice(0, MOST_CHILDREN - this.#known.size);
    const joined = taken.map((name): Child => ({
      name,
      mzxid: undefined,
      said: undefined,
      watch: undefined,
      fired: false,
      checkedAt: 0,
    }));
    for (const child of joined) this.#known.set(child.name, child);
    return { joined, beyond: fresh.length - taken.length };
  }

  gone(name: string): void {
    const child = this.#known.get(name);
    if (!child) return;
    this.#known.delete(name);
    if (isInstance(child.said)) this.#left++;
    this.#changed ||= child.said !== undefined;
  }

  learned(child: Child, mzxid: bigint | undefined, said: Instance | Skip): void {
    if (isInstance(said) && !isInstance(child.said)) this.#joined++;
    if (!isInstance(said) && isInstance(child.said)) this.#left++;
    child.mzxid = mzxid;
    child.said = said;
    this.#changed = true;
  }

  /** True when the list is not the one that was told last. */
  get changed(): boolean {
    return this.#changed;
  }

  /** True when the list that was told last holds somebody who has left. */
  get shrunk(): boolean {
    return this.#left > 0;
  }

  /** The list as it is now, and what happened to it since the last call. */
  tell(): { instances: readonly Instance[]; skipped: readonly Skipped[]; joined: number; left: number } {
    const instances: Instance[] = [];
    const skipped: Skipped[] = [];
    for (const { name, said } of this.#known.values()) {
      if (isInstance(said)) instances.push(said);
      else if (said) skipped.push({ name, reason: said.skip, detail: said.detail });
    }
    const [joined, left] = [this.#joined, this.#left];
    this.#joined = this.#left = 0;
    this.#changed = false;
    return { instances, skipped, joined, left };
  }
}

const isInstance = (said: Instance | Skip | undefined): said is Instance => said !== undefined && !('skip' in said);
