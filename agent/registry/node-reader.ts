/**
 * Reads the nodes of one parent, those whose turn it is, a few at a time: first the size, with the watch, then the bytes, and only of what
 * has changed since they were read. Keeps names in their turn while there is no session. Which names, and when, its watcher says.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { Alarm } from './alarm.js';
import type { Child, Children } from './children.js';
import { isInstance, type Dialect, type Said } from './dialects/dialect.js';
import { DueQueue } from './due-queue.js';
import { nameOf } from './node-path.js';
import type { ReadSlots } from './read-slots.js';
import { isSessionTrouble, MAX_NODE_BYTES } from './tree.js';
import type { Stat, Tree } from './tree.js';

export interface NodeReaderParts {
  readonly tree: Tree;
  readonly dialect: Dialect;
  readonly service: string;
  readonly path: string;
  /** The additional endpoint that is wanted instead of the main one. */
  readonly endpoint?: string | undefined;
  readonly reads: ReadSlots;
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
  readonly #onRead: () => void;
  #readers = 0;

  /** `live`: the session is one that we may ask. `onRead`: `children` may know more than before. */
  constructor(parts: NodeReaderParts, children: Children, on: { live: () => boolean; onRead: () => void }) {
    this.#parts = parts;
    this.#children = children;
    this.#live = on.live;
    this.#onRead = on.onRead;
    this.#folder = nameOf(parts.path);
    this.#turn = new Alarm(parts.clock, () => this.go());
  }

  /** Nothing waits and nothing is out. */
  get idle(): boolean {
    return this.#queue.size === 0 && this.#readers === 0;
  }

  /** Asks for these nodes, spread by chance over so many milliseconds; `go` lets it begin. */
  ask(children: Iterable<Child>, spreadMs: number): void {
    const { clock, random } = this.#parts;
    for (const { name } of children) {
      if (spreadMs > 1) this.#queue.later(name, clock.now() + random() * spreadMs);
      else this.#queue.now(name);
    }
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
    const { reads, clock, random } = this.#parts;
    try {
      await reads.run(async () => {
        const child = this.#children.get(name);
        if (child && this.#live()) await this.#ask(child);
      });
    } catch (error) {
      const child = this.#children.get(name);
      if (isSessionTrouble(error)) this.#queue.later(name, clock.now() + random() * AGAIN_MS);
      else if (child)
        this.#learned(child, undefined, {
          skip: 'unreadable',
          detail: (error instanceof Error ? error.message : String(error)).slice(0, 200),
        });
    }
  }

  async #ask(child: Child): Promise<void> {
    const { tree, dialect, clock } = this.#parts;
    const path = `${this.#parts.path}/${child.name}`;
    child.checkedAt = clock.now();
    let stat: Stat | undefined;
    if (child.fired || child.watch) {
      // it may be gone, and a watch on what is gone would wait for ever: most ids never come back
      stat = await tree.exists(path);
      if (stat === undefined) return this.#children.gone(child.name);
      child.fired = false;
    }
    if (dialect.change === 'in_place' && child.watch === undefined) stat = await this.#watched(child, path);
    else stat ??= await tree.exists(path);
    if (stat === undefined) return this.#children.gone(child.name);
    if (stat.mzxid === child.mzxid) {
      child.heardAt = undefined; // it told of what we have read already
      return;
    }
    if (stat.size > MAX_NODE_BYTES) {
      const detail = `${stat.size} bytes, at most ${MAX_NODE_BYTES} are read`;
      return this.#learned(child, stat.mzxid, { skip: 'too_large', detail });
    }
    const node = dialect.readsData ? await tree.read(path) : { data: new Uint8Array(), stat };
    if (node === undefined) return this.#children.gone(child.name);
    this.#learned(child, node.stat.mzxid, this.#understand(child.name, node.data, node.stat));
  }

  async #watched(child: Child, path: string): Promise<Stat | undefined> {
    const watch = (child.watch = {});
    try {
      return await this.#parts.tree.exists(path, () => {
        if (child.watch !== watch) return;
        child.watch = undefined;
        child.fired = true;
        child.heardAt = this.#parts.clock.now();
        this.#queue.now(child.name);
        this.go();
      });
    } catch (error) {
      child.watch = undefined;
      throw error;
    }
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
    const kept = this.#children.learned(child, mzxid, said);
    if ('skip' in kept)
      emit({ kind: 'znode_ignored', service, path: `${path}/${child.name}`, reason: kept.skip, detail: kept.detail });
  }
}
