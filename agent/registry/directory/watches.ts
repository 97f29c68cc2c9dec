/**
 * Who waits for a change of which node, and how it is noticed. Each watch keeps the mark of the answer that its owner was given; it is
 * called when a look finds another mark, so never in vain and never twice. Two things make us look: the file system's events, which
 * are quick and may get lost, and the net, a regular glance at the watched folders that costs one stat each.
 *
 * A watch listens at one folder: the nearest there is to its node. One listener of the file system serves all watches of a folder.
 */
import { watch as listenTo } from 'node:fs';
import type { BigIntStats, FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Emit } from '../../events.js';
import { look } from './files.js';
import { placeOf, subjectOf } from './names.js';

/** Watches a tree may have. */
const MOST_WATCHES = 20_000;
/** Listeners of the file system a tree may have (a user has some thousands in all). Beyond it the net alone finds changes. */
const MOST_LISTENERS = 256;
const LOOKS_AT_ONCE = 8;

export type Kind = 'node' | 'children';

/** One that waits; belongs to its Watches, who alone change it. */
export interface Watch {
  readonly kind: Kind;
  readonly path: string;
  armed?: { readonly mark: string; readonly call: () => void };
  /** Something happened before it was armed. */
  stirred: boolean;
  at?: Folder;
  /** Which file in the folder it is about; undefined: any of them. */
  subject?: string | undefined;
}

interface Folder {
  readonly path: string;
  readonly watches: Set<Watch>;
  listener?: FSWatcher | undefined;
  stats: BigIntStats;
  /** An event came since the last glance: events do come here, and that the folder has a new time is no news. */
  heard: boolean;
  /** It may be another folder by now. */
  doubtful: boolean;
}

export class Watches {
  readonly #root: string;
  readonly #mark: (kind: Kind, path: string) => Promise<string>;
  readonly #emit: Emit;
  readonly #folders = new Map<string, Folder>();
  readonly #armed = new Set<Watch>();
  readonly #dirty = new Set<Watch>();
  #isLooking = false;
  #isClosed = false;
  #told = '';

  /** `mark` tells one state of a node, or of its list of children, from another; it fails when the tree cannot be seen. */
  constructor(root: string, mark: (kind: Kind, path: string) => Promise<string>, emit: Emit) {
    this.#root = root;
    this.#mark = mark;
    this.#emit = emit;
  }

  get size(): number {
    return this.#armed.size;
  }

  /** How many listeners of the file system there are. */
  get listeners(): number {
    return [...this.#folders.values()].filter(({ listener }) => listener).length;
  }

  /** To be called before the node is looked at, so that no change after the look is missed; then `arm` or `drop`. */
  async listen(kind: Kind, path: string): Promise<Watch> {
    const watch: Watch = { kind, path, stirred: false };
    try {
      await this.#attach(watch);
    } catch (error) {
      this.drop(watch);
      throw error;
    }
    return watch;
  }

  arm(watch: Watch, mark: string, call: () => void): void {
    if (this.#armed.size >= MOST_WATCHES) {
      this.drop(watch);
      return this.#tell('watches of the embedded tree', MOST_WATCHES, `${watch.path} is not watched`);
    }
    watch.armed = { mark, call };
    this.#armed.add(watch);
    if (watch.stirred) this.#stir(watch);
  }

  drop(watch: Watch): void {
    watch.at?.watches.delete(watch);
    this.#armed.delete(watch);
    this.#dirty.delete(watch);
  }

  /** The session is over: everybody is called. */
  ringAll(): void {
    for (const watch of [...this.#armed]) this.#ring(watch);
  }

  /** Forgets everybody. */
  close(): void {
    this.#isClosed = true;
    for (const watch of [...this.#armed]) this.drop(watch);
    for (const folder of this.#folders.values()) folder.listener?.close();
    this.#folders.clear();
  }

  /** The net: finds what no event told. `all`: looks at every watched node, and not only where a folder's time has changed. */
  async glance(all: boolean): Promise<void> {
    for (const folder of [...this.#folders.values()]) {
      const stats = await this.#look(folder.path);
      const isSame = stats && stats.ino === folder.stats.ino;
      if (!isSame) folder.doubtful = true;
      const isNews = !isSame || (stats.mtimeNs !== folder.stats.mtimeNs && !folder.heard);
      folder.heard = false;
      if (stats) folder.stats = stats;
      if (isNews || all) this.#stirAll(folder);
      if (folder.watches.size === 0) this.#forget(folder);
    }
  }

  #hear(folder: Folder, entry: string | null): void {
    folder.heard = true;
    // Of itself the folder is told under its own name, when it was removed or moved.
    if (entry === null || entry === basename(folder.path)) {
      folder.doubtful = true;
      return this.#stirAll(folder);
    }
    const subject = subjectOf(entry);
    if (subject === undefined) return;
    const isRecord = entry.endsWith('.node') && entry.startsWith('.');
    for (const watch of folder.watches) {
      if (watch.subject === subject || (watch.subject === undefined && !isRecord)) this.#stir(watch);
    }
  }

  #stirAll(folder: Folder): void {
    for (const watch of folder.watches) this.#stir(watch);
  }

  #stir(watch: Watch): void {
    watch.stirred = true;
    if (!watch.armed) return;
    this.#dirty.add(watch);
    if (!this.#isLooking) void this.#lookAtDirty();
  }

  /** What is stirred while it looks is looked at again: a burst of events costs few looks. */
  async #lookAtDirty(): Promise<void> {
    this.#isLooking = true;
    while (this.#dirty.size > 0) {
      const some = [...this.#dirty].slice(0, LOOKS_AT_ONCE);
      for (const watch of some) this.#dirty.delete(watch);
      await Promise.all(some.map((watch) => this.#lookAt(watch)));
    }
    this.#isLooking = false;
  }

  async #lookAt(watch: Watch): Promise<void> {
    try {
      await this.#attach(watch);
      const mark = await this.#mark(watch.kind, watch.path);
      if (mark !== watch.armed?.mark) this.#ring(watch);
    } catch {
      // The tree cannot be seen just now. Its session tells of that, and the net looks again.
    }
  }

  #ring(watch: Watch): void {
    if (!this.#armed.has(watch)) return;
    this.drop(watch);
    queueMicrotask(watch.armed!.call); // a fault in there is its own
  }

  /** Listens at the nearest folder, and looks again whether it still is the nearest now that we listen. */
  async #attach(watch: Watch): Promise<void> {
    for (;;) {
      const near = await this.#nearest(watch);
      let folder = this.#folders.get(near.folder);
      if (folder && (folder.doubtful || folder.stats.ino !== near.stats.ino)) {
        this.#forget(folder);
        folder = undefined;
      }
      watch.subject = near.subject;
      if (folder && folder === watch.at) return;
      watch.at?.watches.delete(watch);
      watch.at = folder ?? this.#open(near.folder, near.stats);
      watch.at.watches.add(watch);
    }
  }

  async #nearest({ kind, path }: Watch): Promise<{ folder: string; subject: string | undefined; stats: BigIntStats }> {
    const place = placeOf(this.#root, path);
    let folder = kind === 'children' ? place.file : place.folder;
    let subject = kind === 'children' ? undefined : path === '/' ? '' : basename(place.file);
    for (;;) {
      const stats = await this.#look(folder);
      if (stats) return { folder, subject, stats };
      if (folder === this.#root) throw Object.assign(new Error(`no such folder: ${folder}`), { code: 'ENOENT' });
      subject = basename(folder);
      folder = dirname(folder);
    }
  }

  async #look(folder: string): Promise<BigIntStats | undefined> {
    const stats = await look(folder, folder === this.#root);
    return stats?.isDirectory() ? stats : undefined;
  }

  #open(path: string, stats: BigIntStats): Folder {
    const folder: Folder = { path, stats, watches: new Set(), heard: false, doubtful: false };
    const { listeners } = this;
    if (this.#isClosed) return folder;
    if (listeners >= MOST_LISTENERS) {
      this.#tell('listeners of the embedded tree', MOST_LISTENERS, `changes in ${path} are noticed within a second`);
    } else {
      folder.listener = this.#listener(folder, listeners);
    }
    this.#folders.set(path, folder);
    return folder;
  }

  #listener(folder: Folder, listeners: number): FSWatcher | undefined {
    try {
      const listener = listenTo(folder.path, { persistent: false }, (_, entry) => this.#hear(folder, entry));
      return listener.on('error', () => {
        listener.close();
        folder.listener = undefined;
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT')
        folder.doubtful = true; // gone since it was found; one of the same inode may follow
      else this.#tell('listeners of the file system', listeners, message);
      return undefined;
    }
  }

  /** Its watches, if any, attach anew. */
  #forget(folder: Folder): void {
    folder.listener?.close();
    if (this.#folders.get(folder.path) === folder) this.#folders.delete(folder.path);
    this.#stirAll(folder);
  }

  #tell(bound: string, limit: number, detail: string): void {
    if (this.#told === bound) return;
    this.#told = bound;
    this.#emit({ kind: 'bound_reached', bound, limit, detail });
  }
}
