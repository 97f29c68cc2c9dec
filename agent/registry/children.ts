/**
 * What is known of the nodes below one parent: decides which names are worth a read and what the list is. Does no I/O; the watcher asks
 * the tree and tells what it heard.
 */
import { isInstance, type Instance, type Said, type Weights } from './dialects/dialect.js';
import { weigher } from './dialects/vectors.js';
import type { Skipped } from './registry.js';
import { PIECE, sorted } from './sorted.js';
import type { Pieces } from './wire/turns.js';

export interface Child {
  readonly name: string;
  /** The last list of names that it stood in. */
  look: number;
  /** How often it was told that it is there. */
  sightings: number;
  /** The last change that was read; undefined before the first read. */
  mzxid: bigint | undefined;
  said: Said | undefined;
  /** The watch on it, as long as it has not fired. */
  watch: object | undefined;
  /** It has: the node may be gone. */
  fired: boolean;
  /** When a watch told of it, its own or the one that brought its name. Undefined: nothing to read, or we looked by ourselves. */
  heardAt: number | undefined;
  checkedAt: number;
  /** It stands in the list that was told last. */
  told: boolean;
  /** It was there at first, and nothing is known of it yet. */
  awaited: boolean;
}

/** More children than this are not looked at: a bound on memory and reads, far above any service. */
export const MOST_CHILDREN = 20_000;
/** Selectors of all vectors together: each node of a large service may have its own. What is beyond is skipped. */
export const MOST_SELECTORS = 50_000;
/** One list brings so many newcomers: whoever hears of it makes something of each, and calls wait meanwhile. */
export const MOST_NEW = 500;

/** The list as it is, of sequential nodes the newest last, and what happened to it since the one before; `heardAt`: the first moment when a watch told of any of it. */
export interface Told {
  readonly instances: readonly Instance[];
  readonly skipped: readonly Skipped[];
  readonly joined: number;
  readonly left: number;
  readonly heardAt: number | undefined;
}

export class Children {
  readonly #known = new Map<string, Child>();
  /** New names, of which the last so many were not taken in yet. */
  #coming: readonly string[] = [];
  #waiting = 0;
  /** The names of the first look are not all taken in yet, and of those who were taken in until then so many are unread. */
  #isFirst = true;
  #awaited = 0;
  #looks = 0;
  #selectors = 0;
  #left = 0;
  #held = 0;
  #heardAt: number | undefined;
  #changed = false;

  get size(): number {
    return this.#known.size + this.#waiting;
  }

  get all(): IterableIterator<Child> {
    return this.#known.values();
  }

  /** So many that were not looked at for longest, in pieces. Numbers alone are sorted, since that of 20,000 children takes too long. */
  *unchecked(count: number): Generator<Child | undefined> {
    const all: Child[] = [];
    const times = new Float64Array(this.#known.size);
    for (const child of this.#known.values()) {
      if (all.length === times.length) break; // who comes meanwhile is looked at anyway
      times[all.length] = child.checkedAt;
      if (all.push(child) % PIECE === 0) yield undefined;
    }
    const last = times.subarray(0, all.length).sort()[Math.min(count, all.length) - 1] ?? 0;
    let [seen, found] = [0, 0];
    for (const child of all) {
      if (found === count) return;
      if (child.checkedAt <= last && ++found) yield child;
      else if (++seen % PIECE === 0) yield undefined;
    }
  }

  get(name: string): Child | undefined {
    return this.#known.get(name);
  }

  /**
   * Takes the whole list of names; answers with how many are new, and how many of those did not fit. Known ones stay before new ones come, and those
   * are in the list when `join` has taken them in. `heardAt`: when a watch told that there is another list.
   */
  update(names: readonly string[], heardAt?: number): { readonly joined: number; readonly beyond: number } {
    const look = ++this.#looks;
    const fresh: string[] = [];
    let [unknown, missing] = [0, this.#known.size];
    for (const name of names) {
      const child = missing > 0 ? this.#known.get(name) : undefined; // looking into an empty map costs as much as into a full one
      if (child) {
        child.look = look;
        child.sightings++;
        missing--;
      } else if (++unknown <= MOST_CHILDREN) fresh.push(name);
    }
    if (missing > 0) for (const child of this.#known.values()) if (child.look !== look) this.gone(child.name, heardAt);
    this.#coming = fresh.slice(0, MOST_CHILDREN - this.#known.size);
    this.#waiting = this.#coming.length;
    return { joined: this.#waiting, beyond: unknown - this.#waiting };
  }

  /**
   * Takes the new names in, in their order and one with each step, so that it can be done in pieces; some steps only bring it nearer. Who has gone
   * before his turn is read, and found to have gone. Ends when there is another list of names, which has all that were not taken in.
   */
  *join(heardAt?: number): Generator<Child | undefined> {
    const look = this.#looks;
    const coming = sorted(this.#coming);
    let names = coming.next();
    for (; names.done !== true; names = coming.next()) yield undefined;
    for (const name of names.value) {
      if (look !== this.#looks) return;
      this.#waiting--;
      if (!this.#known.has(name)) yield this.#add(name, heardAt);
    }
    this.#coming = [];
    this.#isFirst = false;
  }

  /** Takes one that is told to be there, known or new. Undefined: it does not fit. */
  came(name: string, heardAt: number): Child | undefined {
    const child = this.#known.get(name);
    if (child) child.sightings++;
    return child ?? (this.size < MOST_CHILDREN ? this.#add(name, heardAt) : undefined);
  }

  #add(name: string, heardAt: number | undefined): Child {
    const unread = { sightings: 1, mzxid: undefined, said: undefined, watch: undefined, fired: false, checkedAt: 0, told: false };
    const child: Child = { name, look: this.#looks, heardAt, ...unread, awaited: this.#isFirst };
    if (child.awaited) this.#awaited++;
    this.#known.set(name, child);
    return child;
  }

  gone(name: string, heardAt?: number): void {
    const child = this.#known.get(name);
    if (!child) return;
    this.#known.delete(name);
    this.#settled(child);
    child.watch = undefined; // one of the same name may come
    this.#selectors -= selectorsOf(child.said);
    if (child.told) this.#left++;
    if (isInstance(child.said)) this.#heard(child.heardAt ?? heardAt);
    this.#changed ||= child.said !== undefined;
  }

  #settled(child: Child): void {
    if (child.awaited) this.#awaited--;
    child.awaited = false;
  }

  /** Answers with what is kept of it, which is a reason where it was too much. */
  learned(child: Child, mzxid: bigint | undefined, told: Said): Said {
    this.#settled(child);
    const others = this.#selectors - selectorsOf(child.said);
    const tooMany = selectorsOf(told) > 0 && others + selectorsOf(told) > MOST_SELECTORS;
    const said: Said = tooMany
      ? { skip: 'too_large', detail: `more than ${MOST_SELECTORS} selectors of weights beside it` }
      : told;
    this.#selectors = others + selectorsOf(said);
    if (isInstance(said) !== isInstance(child.said)) this.#heard(child.heardAt);
    if (child.told && !isInstance(said)) {
      child.told = false;
      this.#left++;
    }
    child.mzxid = mzxid;
    child.said = said;
    this.#changed = true;
    child.heardAt = undefined;
    return said;
  }

  /** True when the list is not the one that was told last. */
  get changed(): boolean {
    return this.#changed;
  }

  /** True while some of those who were there at first are unread. Who comes later is not waited for: in a large service somebody always comes. */
  get awaits(): boolean {
    return this.#isFirst || this.#awaited > 0;
  }

  /** True when the list that was told last holds somebody who has left. */
  get shrunk(): boolean {
    return this.#left > 0;
  }

  /** Some are kept back for the next list, since the last one brought as many as it may. */
  get holdsBack(): boolean {
    return this.#held > 0;
  }

  /** In pieces, of which the first is all of a short one. What happens meanwhile is for the next list. */
  *tell(): Pieces<Told> {
    const members: Instance[] = [];
    const names: string[] = [];
    const skipped: Skipped[] = [];
    const vectors: Weights[] = [];
    const [left, heardAt] = [this.#left, this.#heardAt];
    this.#held = this.#left = 0;
    this.#heardAt = undefined;
    this.#changed = false;
    let [joined, seen] = [0, 0];
    for (const child of this.#known.values()) {
      if (++seen % PIECE === 0) yield;
      const { name, said, told } = child;
      if (isInstance(said)) {
        if (!told && joined === MOST_NEW) {
          this.#held++;
          continue;
        }
        if (!told) joined++;
        child.told = true;
        members.push(said);
        names.push(name);
      } else if (said && 'skip' in said) skipped.push({ name, reason: said.skip, detail: said.detail });
      else if (said) vectors.push(said);
    }
    const weigh = weigher(vectors);
    const instances = vectors.length === 0 ? members : members.map((said, index) => weigh(names[index]!, said));
    if (this.holdsBack) {
      this.#changed = true;
      this.#heard(heardAt);
    }
    return { instances, skipped, joined, left, heardAt };
  }

  #heard(at: number | undefined): void {
    if (at !== undefined) this.#heardAt = Math.min(at, this.#heardAt ?? at);
  }
}

const selectorsOf = (said: Said | undefined): number => (said && 'factors' in said ? said.factors.size : 0);

/** The names, and what was told of single ones while they were on their way: that is later. */
export function lastWord(names: readonly string[], told: ReadonlyMap<string, boolean>): readonly string[] {
  if (told.size === 0) return names;
  const all = new Set(names);
  for (const [name, isThere] of told) {
    if (isThere) all.add(name);
    else all.delete(name);
  }
  return [...all];
}
