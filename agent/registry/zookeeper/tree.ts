/**
 * The tree on a session of ZooKeeper: what the port of tree.ts promises beyond what the servers do by themselves. The chroot (put before
 * each path here, because the native client's own has faults, and created when it is missing), bounds on sizes, watches that are
 * shared, watches for the children of a node that is not there yet, and ephemerals that are gone when close() resolves.
 */
import type { Emit } from '../../events.js';
import type { Clock } from '../../system.js';
import { checkPath, parentOf } from '../node-path.js';
import type { SessionKeeper } from '../session.js';
import { MAX_NODE_BYTES, RegistryError, isSessionTrouble } from '../tree.js';
import type { List, Mode, Node, OnChild, RegistryErrorCode, Session, Spread, Stat, Tree, Versioned } from '../tree.js';
import { Turns } from '../wire/turns.js';
import type { Pieces } from '../wire/turns.js';
import { Watches } from './watches.js';
import type { Kind } from './watches.js';
import type { Fired, Made, Wire } from './wire.js';

/** Who waits for a change; `ifThere`: there is no watch on what is missing. */
interface Waiting {
  readonly onChange: (() => void) | undefined;
  readonly onChild?: OnChild | undefined;
  readonly ifThere?: boolean;
}

/** Ephemerals of ours that close() takes away itself; any beyond go with the session, a moment later. */
const MOST_OURS = 1_024;
/** Somebody creates and removes while we look. */
const MOST_TURNS = 5;

export class ZooKeeperTree implements Tree {
  readonly #keeper: SessionKeeper<Wire>;
  readonly #chroot: string;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #turns: Turns;
  readonly #watches: Watches;
  readonly #mostWatched: number;
  readonly spread: (withinMs: number) => Promise<Spread>;
  readonly hurry = (): void => this.#keeper.link?.hurry?.();
  /** Ephemerals that we created in this epoch. */
  readonly #ours = new Set<string>();
  #epoch = 0;
  #isFullTold = false;
  #isClosed = false;

  /** `chroot`: '' for none. `mostWatched`: bytes of paths that the link can watch. */
  constructor(
    keeper: SessionKeeper<Wire>,
    chroot: string,
    mostWatched: number,
    clock: Clock,
    emit: Emit,
    spread: (withinMs: number) => Promise<Spread>,
  ) {
    this.#keeper = keeper;
    this.#chroot = chroot;
    this.#clock = clock;
    this.#emit = emit;
    this.#turns = new Turns(clock);
    this.#mostWatched = mostWatched;
    this.spread = spread;
    this.#watches = new Watches(mostWatched, (path) => this.#full(path));
    keeper.onSession((session) => this.#hear(session));
  }

  get session(): Session {
    return this.#keeper.session;
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** For the link. */
  readonly fired: Fired = (kind, path, child) => {
    if (child) return this.#watches.tell(path, child.name, child.isThere);
    this.#watches.fire(kind, path);
    return false;
  };

  onSession(listener: (session: Session) => void): () => void {
    return this.#keeper.onSession(listener);
  }

  exists(path: string, onChange?: () => void): Promise<Stat | undefined> {
    return this.#ask('exists', path, async (wire, whole) => {
      return (await this.#watched('node', whole, { onChange }, (watch) => wire.exists(whole, watch))).answer;
    });
  }

  /** The size is asked first where a watch is wanted, since that is the first read of a node; a caller without knows the size. */
  read(path: string, onChange?: () => void, unmeasured = false): Promise<Node | undefined> {
    return this.#ask('read', path, async (wire, whole) => {
      if (!onChange) return readWhole(wire, whole);
      if (unmeasured && wire.getWatched) {
        const get = (watch: boolean): Promise<Node | undefined> => (watch ? wire.getWatched!(whole) : wire.get(whole));
        const { answer: node, leave } = await this.#watched('node', whole, { onChange, ifThere: true }, get);
        if ((node?.data.length ?? 0) > MAX_NODE_BYTES) leave();
        checkSize('read', whole, node?.data.length ?? 0);
        return node;
      }
      const { answer: stat, leave } = await this.#watched('node', whole, { onChange }, (watch) => wire.exists(whole, watch));
      if (!stat) return undefined;
      try {
        checkSize('read', whole, stat.size);
        return await readWhole(wire, whole);
      } catch (error) {
        leave();
        throw error;
      }
    });
  }

  children(path: string, onChange?: () => void, onChild?: OnChild): Promise<List | undefined> {
    return this.#ask('children', path, async (wire, whole) => {
      for (let turn = 0; turn < MOST_TURNS; turn++) {
        const list = await this.#watched('children', whole, { onChange, onChild, ifThere: true }, (watch) =>
          wire.children(whole, watch, onChild !== undefined),
        );
        if (list.answer || !onChange) return list.answer;
        const { answer: stat, leave } = await this.#watched('node', whole, { onChange }, (watch) => wire.exists(whole, watch));
        if (!stat) return undefined; // and somebody is told when it comes to be
        leave();
      }
      throw new RegistryError('failed', `children ${whole}: it comes and goes faster than it can be read`);
    });
  }

  create(path: string, data: Uint8Array, mode: Mode): Promise<{ readonly path: string; readonly stat: Stat }> {
    return this.#ask('create', path, async (wire, whole) => {
      checkSize('create', whole, data.length);
      if (path === '/') throw new RegistryError('node_exists', 'create /: the root is always there');
      const made = await this.#create(wire, whole, data, mode);
      if (mode.startsWith('ephemeral') && this.#ours.size < MOST_OURS) this.#ours.add(made.path);
      const stat = made.stat ?? (await wire.exists(made.path, false));
      if (!stat) throw new RegistryError('no_node', `create ${made.path}: somebody removed it at once`);
      return { path: made.path.slice(this.#chroot.length), stat };
    });
  }

  write(path: string, data: Uint8Array, version: number): Promise<Stat> {
    return this.#ask('write', path, (wire, whole) => {
      checkSize('write', whole, data.length);
      return wire.set(whole, data, version);
    });
  }

  remove(path: string, version?: number): Promise<boolean> {
    return this.#ask('remove', path, async (wire, whole) => {
      const wasThere = await wire.remove(whole, version);
      this.#ours.delete(whole);
      return wasThere;
    });
  }

  replace(old: Versioned, path: string, data: Uint8Array, mode: Mode): Promise<{ readonly path: string }> | undefined {
    const { link } = this.#keeper;
    if (link && !link.replace) return undefined;
    return this.#ask('replace', path, async (wire, whole) => {
      checkSize('replace', whole, data.length);
      checkPath(old.path);
      const made = await wire.replace!({ ...old, path: this.#chroot + old.path }, whole, data, mode);
      this.#ours.delete(this.#chroot + old.path);
      if (mode.startsWith('ephemeral') && this.#ours.size < MOST_OURS) this.#ours.add(made.path);
      return { path: made.path.slice(this.#chroot.length) };
    });
  }

  sync(path: string): Promise<void> {
    return this.#ask('sync', path, (wire, whole) => wire.sync(whole));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#keeper.close((wire) => this.#clear(wire));
  }

  async #ask<T>(op: string, path: string, work: (wire: Wire, whole: string) => Promise<T>): Promise<T> {
    const begun = this.#clock.now();
    let result = 'ok';
    try {
      if (this.#isClosed) throw new RegistryError('closed', `${op} ${path}: the tree is closed`);
      const { link, session } = this.#keeper;
      if (!link) throw new RegistryError('disconnected', `${op} ${path}: the session with ZooKeeper is ${session.state}`);
      checkPath(path);
      return await work(link, this.#chroot === '' ? path : path === '/' ? this.#chroot : this.#chroot + path);
    } catch (error) {
      result = error instanceof RegistryError ? error.code : 'failed';
      throw error;
    } finally {
      this.#emit({ kind: 'registry_operation', op, result, ms: this.#clock.now() - begun });
    }
  }

  /**
   * Asks, and holds a watch if there is something to hold it on. The answer is no older than the watch: what is asked in one session is
   * answered in order, so whoever finds a watch that was asked for before needs not wait until it is armed.
   */
  async #watched<T>(
    kind: Kind,
    path: string,
    { onChange, onChild, ifThere = false }: Waiting,
    ask: (watch: boolean) => Promise<T | undefined>,
  ): Promise<{ readonly answer: T | undefined; readonly leave: () => void }> {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const joined = onChange && this.#watches.join(kind, path, onChange, onChild);
      if (!joined) break;
      const leave = (): void => {
        if (joined.isNew) this.#watches.leave(kind, path, joined.hold);
      };
      const giveUp = (): void => (joined.mustArm ? this.#watches.failed(kind, path) : leave());
      try {
        const answer = await ask(joined.mustArm);
        const isArmed = !ifThere || answer !== undefined;
        if (!isArmed) giveUp();
        else if (joined.hold.state === 'void') continue;
        return { answer, leave };
      } catch (error) {
        giveUp();
        throw error;
      }
    }
    return { answer: await ask(false), leave: () => undefined };
  }

  async #create(wire: Wire, path: string, data: Uint8Array, mode: Mode): Promise<Made> {
    try {
      return await wire.create(path, data, mode);
    } catch (error) {
      if ((error as RegistryError).code !== 'no_parent' || parentOf(path) !== this.#chroot) throw error;
      await makeRoot(wire, this.#chroot); // somebody removed it under our feet
      return wire.create(path, data, mode);
    }
  }

  #hear({ state, epoch }: Session): void {
    if (state !== 'connected' || epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#isFullTold = false;
    this.#ours.clear();
    const all = this.#watches.takeAll();
    queueMicrotask(() => this.#turns.run(this.#calling(all))); // after everybody has heard of the new session
  }

  *#calling(all: Iterable<() => void>): Pieces {
    for (const onChange of all) {
      if (this.#isClosed) return;
      onChange();
      yield;
    }
  }

  /** All that was asked before is answered before this, so every node that we created is known. */
  async #clear(wire: Wire): Promise<void> {
    this.#watches.takeAll();
    await wire.exists('/', false);
    await Promise.all(
      [...this.#ours].map(async (path) => {
        const stat = await wire.exists(path, false);
        if (stat?.owner === 'us') await wire.remove(path, stat.version).catch(leave);
      }),
    );
  }

  #full(path: string): void {
    if (this.#isFullTold) return;
    this.#isFullTold = true;
    const detail = `${path} and more are not watched: their changes are found by a slow look`;
    this.#emit({ kind: 'bound_reached', bound: 'bytes of watched paths', limit: this.#mostWatched, detail });
  }
}

/** Creates what is missing of the chroot, persistent and empty. */
export async function makeRoot(wire: Wire, chroot: string): Promise<void> {
  if (await wire.exists(chroot === '' ? '/' : chroot, false)) return;
  const names = chroot.split('/');
  for (let depth = 2; depth <= names.length; depth++) {
    const path = names.slice(0, depth).join('/');
    if (await wire.exists(path, false)) continue;
    await wire.create(path, new Uint8Array(), 'persistent').catch(ignore('node_exists'));
  }
}

async function readWhole(wire: Wire, path: string): Promise<Node | undefined> {
  const node = await wire.get(path);
  checkSize('read', path, node?.data.length ?? 0);
  return node;
}

/** Somebody was faster, and that is just as good. */
const ignore = (code: RegistryErrorCode) => (error: unknown) => {
  if (!(error instanceof RegistryError && error.code === code)) throw error;
};
const leave = (error: Error): unknown => isSessionTrouble(error) && Promise.reject(error); // else it goes with the session

function checkSize(op: string, path: string, size: number): void {
  if (size > MAX_NODE_BYTES)
    throw new RegistryError('too_large', `${op} ${path}: ${size} bytes, and ${MAX_NODE_BYTES} are the most`);
}
