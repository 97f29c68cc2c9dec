/**
 * Reads the nodes of one parent, those whose turn it is, a few at a time: first the size, with the watch, then the bytes, and only of what
 * has changed since they were read. Keeps names in their turn while there is no session. Which names, and when, its watcher says.
 *
 * Where the tree itself tells who came, the size of a newcomer is not asked for: one question for each, and one at a time, so that of what is
 * too large only the first comes over the line. Once there was such a one, sizes are asked for here.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { Alarm } from './alarm.js';
import type { Child, Children } from './children.js';
import { isInstance, type Dialect, type Said } from './dialects/dialect.js';
import { DueQueue } from './due-queue.js';
import { nameOf } from './node-path.js';
import type { ReadSlots } from './read-slots.js';
import { isSessionTrouble, MAX_NODE_BYTES, RegistryError } from './tree.js';
import type { Node, Stat, Tree } from './tree.js';
import type { Pieces, Turns } from './wire/turns.js';

export interface NodeReaderParts {
  readonly tree: Tree;
  readonly dialect: Dialect;
  readonly service: string;
  readonly path: string;
  /** The additional endpoint that is wanted instead of the main one. */
  readonly endpoint?: string | undefined;
  readonly reads: ReadSlots;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

const READERS = 8;
const AGAIN_MS = 1_000;

export class NodeReader {
  readonly #parts: NodeReaderParts;
  readonly #children: Children;
  readonly #queue = new DueQueue();
  readonly #turn: Alarm;
  readonly #folder: string;
  readonly #live: () => boolean;
  readonly #tells: () => boolean;
  readonly #onRead: () => void;
  readonly #onFired: () => void;
  #readers = 0;
  /** Long lists of which some have no place in the queue yet. */
  #lists = 0;
  /** Some node is being read without its size being known, or no more is. */
  #isMeasuring = false;

  /**
   * `live`: the session is one that we may ask. `tells`: the tree tells who comes and goes. `onRead`: `children` may know more than before.
   * `onFired`: a node's watch has, and `go` is to be called soon.
   */
  constructor(
    parts: NodeReaderParts,
    children: Children,
    on: { live: () => boolean; tells: () => boolean; onRead: () => void; onFired: () => void },
  ) {
    this.#parts = parts;
    this.#children = children;
    this.#live = on.live;
    this.#tells = on.tells;
    this.#onRead = on.onRead;
    this.#onFired = on.onFired;
    this.#folder = nameOf(parts.path);
    this.#turn = new Alarm(parts.clock, () => this.go());
  }

  /** Nothing waits and nothing is out. */
  get idle(): boolean {
    return this.#queue.size === 0 && this.#readers === 0 && this.#lists === 0;
  }

  /** Asks for these nodes, spread by chance over so many milliseconds; `go` lets it begin. Of many it asks in turns of the event loop; undefined is a step that finds none. */
  ask(children: Iterable<Child | undefined>, spreadMs: number): void {
    this.#lists++;
    let isLate = false;
    const done = (): void => {
      this.#lists--;
      if (!isLate) return;
      this.go();
      this.#onRead();
    };
    this.#parts.turns.run(this.#asking(children, spreadMs, done));
    isLate = true;
  }

  *#asking(children: Iterable<Child | undefined>, spreadMs: number, done: () => void): Pieces {
    const { clock, random } = this.#parts;
    for (const child of children) {
      if (child && spreadMs > 1) this.#queue.later(child.name, clock.now() + random() * spreadMs);
      else if (child) this.#queue.now(child.name);
      yield;
    }
    done();
  }

  /** Takes as many of the nodes whose turn it is as may be out at one time. */
  go(): void {
    if (!this.#live()) return;
    const now = this.#parts.clock.now();
    while (this.#readers < READERS) {
      const name = this.#queue.take(now);
      if (name === undefined) break;
      this.#readers++;
      void this.#check(name).finally(() => {
        this.#readers--;
        this.go();
        this.#onRead();
      });
    }
    const next = this.#queue.firstAt;
    if (next !== undefined && this.#readers < READERS) this.#turn.at(next);
  }

  /** Every watch is void, and whatever waited is forgotten. */
  reset(): void {
    this.#queue.clear();
    this.#turn.cancel();
    for (const child of this.#children.all) child.watch = undefined;
  }

  async #check(name: string): Promise<void> {
    try {
      await this.#parts.reads.run(async () => {
        const child = this.#children.get(name);
        if (!child) return;
        if (this.#live()) await this.#ask(child);
        else this.#again(name); // the connection was lost while it waited for a slot
      });
    } catch (error) {
      const child = this.#children.get(name);
      if (isSessionTrouble(error)) this.#again(name);
      else if (child)
        this.#learned(child, undefined, {
          skip: 'unreadable',
          detail: (error instanceof Error ? error.message : String(error)).slice(0, 200),
        });
    }
  }

  #again(name: string): void {
    const { clock, random } = this.#parts;
    this.#queue.later(name, clock.now() + random() * AGAIN_MS);
  }

  async #ask(child: Child): Promise<void> {
    const { tree, dialect, clock } = this.#parts;
    const path = `${this.#parts.path}/${child.name}`;
    const { sightings } = child;
    child.checkedAt = clock.now();
    if (this.#mayReadAtOnce(child) && (await this.#readAtOnce(child, path, sightings))) return;
    let stat: Stat | undefined;
    if (child.fired || child.watch) {
      // it may be gone, and a watch on what is gone would wait for ever: most ids never come back
      stat = await tree.exists(path);
      if (stat === undefined) return this.#gone(child, sightings);
      child.fired = false;
    }
    if (dialect.change === 'in_place' && child.watch === undefined)
      stat = await this.#watched(child, (changed) => tree.exists(path, changed));
    else stat ??= await tree.exists(path);
    if (stat === undefined) return this.#gone(child, sightings);
    if (stat.mzxid === child.mzxid) {
      child.heardAt = undefined; // it told of what we have read already
      return;
    }
    if (stat.size > MAX_NODE_BYTES) {
      const detail = `${stat.size} bytes, at most ${MAX_NODE_BYTES} are read`;
      return this.#learned(child, stat.mzxid, { skip: 'too_large', detail });
    }
    this.#took(child, dialect.readsData ? await tree.read(path) : { data: new Uint8Array(), stat }, sightings);
  }

  /** A watch told of it just now; the first list, and what a slow look found, is measured. */
  #mayReadAtOnce(child: Child): boolean {
    const isNews = child.heardAt !== undefined && child.watch === undefined;
    return isNews && this.#parts.dialect.readsData && this.#tells() && !this.#isMeasuring;
  }

  /** False: it cannot be read like this; if it is too large, nor can its fellows. */
  async #readAtOnce(child: Child, path: string, sightings: number): Promise<boolean> {
    const { tree, dialect } = this.#parts;
    const read = (changed?: () => void): Promise<Node | undefined> => tree.read(path, changed, true);
    this.#isMeasuring = true;
    child.fired = false;
    try {
      const node = await (dialect.change === 'in_place' ? this.#watched(child, read) : read());
      this.#isMeasuring = false;
      if (node && node.stat.mzxid === child.mzxid) child.heardAt = undefined;
      else this.#took(child, node, sightings);
      return true;
    } catch (error) {
      this.#isMeasuring = error instanceof RegistryError && error.code === 'too_large';
      if (isSessionTrouble(error)) throw error;
      return false;
    }
  }

  async #watched<T>(child: Child, ask: (changed: () => void) => Promise<T>): Promise<T> {
    const watch = (child.watch = {});
    try {
      return await ask(() => {
        if (child.watch !== watch) return;
        child.watch = undefined;
        child.fired = true;
        child.heardAt = this.#parts.clock.now();
        this.#queue.now(child.name);
        this.#onFired();
      });
    } catch (error) {
      child.watch = undefined;
      throw error;
    }
  }

  #took(child: Child, node: Node | undefined, sightings: number): void {
    if (node === undefined) this.#gone(child, sightings);
    else this.#learned(child, node.stat.mzxid, this.#understand(child.name, node.data, node.stat));
  }

  /** Another one of its name may have come since it was asked for, and been taken for it: that one is read. */
  #gone(child: Child, sightings: number): void {
    if (this.#children.get(child.name) !== child) return;
    if (child.sightings === sightings) this.#children.gone(child.name);
    else this.#queue.now(child.name);
  }

  /** A folder may be called otherwise than the service that the user made of it; its nodes then say the folder's name. */
  #understand(name: string, data: Uint8Array, stat: Stat): Said {
    const { dialect, service, endpoint } = this.#parts;
    const said = dialect.read(service, name, data, stat, endpoint);
    if (!('skip' in said) || said.skip !== 'bad_name' || this.#folder === service) return said;
    const again = dialect.read(this.#folder, name, data, stat, endpoint);
    return isInstance(again) ? { ...again, service } : again;
  }

  #learned(child: Child, mzxid: bigint | undefined, said: Said): void {
    const { emit, path, service } = this.#parts;
    if (this.#children.get(child.name) !== child) return;
    const kept = this.#children.learned(child, mzxid, said);
    if ('skip' in kept)
      emit({ kind: 'znode_ignored', service, path: `${path}/${child.name}`, reason: kept.skip, detail: kept.detail });
  }
}
