/**
 * The tree of nodes in a folder of this machine, for some sidecars without a ZooKeeper: the same paths, the same bytes. What lies where
 * is told in directory/names.ts, how a session lives in directory/keeper.ts; here is what the port promises of each operation.
 *
 * Reads go straight to the files. Changes take a lock that all processes share, and show themselves in one step.
 */
import { join, resolve } from 'node:path';
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { Changes } from './directory/changes.js';
import { Keeper } from './directory/keeper.js';
import { Lock } from './directory/lock.js';
import type { StillOurs } from './directory/lock.js';
import { find, isMissing, names } from './directory/nodes.js';
import type { Found } from './directory/nodes.js';
import { Sessions } from './directory/sessions.js';
import { translate } from './directory/trouble.js';
import { Watches } from './directory/watches.js';
import type { Kind } from './directory/watches.js';
import { checkPath } from './node-path.js';
import { MAX_NODE_BYTES, RegistryError } from './tree.js';
import type { Mode, Session, Stat, Tree } from './tree.js';

export interface DirectoryOptions {
  /** The folder, absolute or from where the process was started. It must exist: a mistyped path makes no second tree. */
  readonly path: string;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** For a look from outside: not even a lease is written, and every change fails with 'no_auth'. */
  readonly readOnly?: boolean;
}

/** Returns at once; the session follows as soon as the folder can be used, and again after each end until `close()`. */
export function openDirectory(options: DirectoryOptions): Tree {
  const why = `the registry is the folder ${options.path}: it is for the processes of one machine`;
  if (!options.readOnly) options.emit({ kind: 'warned', why });
  return new DirectoryTree(options);
}

/** The folder in the root that is ours. */
const HOUSE = '.zidecar';
/** A tree that came and went so often within one question cannot be used. */
const MOST_LOOKS = 8;

/** What a look found, and what tells it from what another look finds. */
interface Look<T> {
  readonly answer: T;
  readonly mark: string;
}

class DirectoryTree implements Tree {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #sessions: Sessions;
  readonly #changes: Changes;
  readonly #lock: Lock;
  readonly #watches: Watches;
  readonly #keeper: Keeper;
  #closing: Promise<void> | undefined;

  constructor({ path, sessionTimeoutMs: timeoutMs, clock, random, emit, readOnly = false }: DirectoryOptions) {
    const root = resolve(path);
    const house = join(root, HOUSE);
    const sessions = new Sessions(root, house, readOnly);
    const changes = new Changes(root, join(house, 'zxid'), sessions.spare, clock);
    const lock = new Lock(join(house, 'lock'), clock, random);
    const watches = new Watches(root, (kind, of) => this.#mark(kind, of), emit);
    this.#root = root;
    this.#clock = clock;
    this.#emit = emit;
    this.#sessions = sessions;
    this.#changes = changes;
    this.#lock = lock;
    this.#watches = watches;
    this.#keeper = new Keeper({ root, timeoutMs, clock, random, emit, sessions, changes, lock, watches });
  }

  get session(): Session {
    return this.#keeper.session;
  }

  get watches(): number {
    return this.#watches.size;
  }

  onSession(listener: (session: Session) => void): () => void {
    return this.#keeper.listen(listener);
  }

  exists(path: string, onChange?: () => void): Promise<Stat | undefined> {
    return this.#ask('exists', path, 'node', onChange, async () => {
      const found = await this.#find(path);
      return { answer: found && (await this.#told(found)), mark: markOf(found) };
    });
  }

  read(path: string, onChange?: () => void): Promise<{ readonly data: Uint8Array; readonly stat: Stat } | undefined> {
    return this.#ask('read', path, 'node', onChange, async () => {
      const found = await this.#find(path, true);
      if (found && !found.data) {
        throw new RegistryError('too_large', `${path} has ${found.size} bytes: more than ${MAX_NODE_BYTES} are not read`);
      }
      return { answer: found?.data && { data: found.data, stat: await this.#told(found) }, mark: markOf(found) };
    });
  }

  children(path: string, onChange?: () => void): Promise<{ readonly names: readonly string[]; readonly stat: Stat } | undefined> {
    return this.#ask('children', path, 'children', onChange, async () => {
      const { found, list } = await this.#list(path);
      return { answer: found && { names: list, stat: this.#stat(found) }, mark: markOf(found, list) };
    });
  }

  create(path: string, data: Uint8Array, mode: Mode): Promise<{ readonly path: string; readonly stat: Stat }> {
    return this.#change('create', path, async (stillOurs) => {
      checkSize(path, data);
      const { claim } = this.#sessions;
      const found = await this.#changes.create({ path, data, mode, owner: this.session.id, claim }, stillOurs);
      return { path: found.place.path, stat: this.#stat(found) };
    });
  }

  write(path: string, data: Uint8Array, version: number): Promise<Stat> {
    return this.#change('write', path, async (stillOurs) => {
      checkSize(path, data);
      const found = await this.#find(path);
      if (!found) throw new RegistryError('no_node', `cannot write ${path}: it is not there`);
      checkVersion('write', found, version);
      return this.#stat(await this.#changes.write(found, data, stillOurs));
    });
  }

  remove(path: string, version?: number): Promise<boolean> {
    return this.#change('remove', path, async (stillOurs) => {
      if (path === '/') throw new RegistryError('bad_path', 'the root cannot be removed');
      const found = await this.#find(path);
      if (!found) return false;
      if (version !== undefined) checkVersion('remove', found, version);
      await this.#changes.remove(found, stillOurs);
      this.#sessions.unclaim(path);
      return true;
    });
  }

  /** Nothing is held back in a folder; it only has to be there. */
  sync(path: string): Promise<void> {
    return this.#run('sync', path, () => this.#mustBeThere());
  }

  close(): Promise<void> {
    this.#closing ??= this.#keeper.close();
    this.#watches.close();
    return this.#closing;
  }

  /** Undefined only where it is seen to be missing, while our lease is seen: a folder that went away, or comes and goes, empties nothing. */
  async #find(path: string, withData = false): Promise<Found | undefined> {
    const house = this.#sessions.isReadOnly ? undefined : HOUSE;
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const found = await find(this.#root, path, withData);
      if (found) return found;
      const isGone = await isMissing(this.#root, path, house);
      await this.#mustBeThere();
      if (isGone) return undefined;
    }
    return this.#lost(`${this.#root} comes and goes`);
  }

  /** A list of none is believed as a missing node is. */
  async #list(path: string): Promise<{ readonly found: Found | undefined; readonly list: readonly string[] }> {
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const found = await this.#find(path);
      const list = found ? await names(found) : [];
      if (list?.length === 0 && found?.isFolder) await this.#mustBeThere();
      if (list) return { found, list };
    }
    return this.#lost(`${this.#root} comes and goes`);
  }

  /** Whether our own lease is seen; else nothing is known to be missing. */
  async #mustBeThere(): Promise<void> {
    if (!(await this.#sessions.isThere())) this.#lost(`our lease cannot be seen in ${this.#root}`);
  }

  #lost(why: string): never {
    this.#keeper.doubt(why);
    throw new RegistryError('connection_lost', why);
  }

  async #mark(kind: Kind, path: string): Promise<string> {
    if (kind === 'node') return markOf(await this.#find(path));
    const { found, list } = await this.#list(path);
    return markOf(found, list);
  }

  #ask<T>(op: string, path: string, kind: Kind, onChange: (() => void) | undefined, look: () => Promise<Look<T>>): Promise<T> {
    return this.#run(op, path, async (isStill) => {
      if (!onChange) return (await look()).answer;
      const watch = await this.#watches.listen(kind, path);
      try {
        const { answer, mark } = await look();
        isStill();
        this.#watches.arm(watch, mark, onChange);
        return answer;
      } catch (error) {
        this.#watches.drop(watch);
        throw error;
      }
    });
  }

  #change<T>(op: string, path: string, work: (stillOurs: StillOurs) => Promise<T>): Promise<T> {
    return this.#run(op, path, (isStill) => {
      if (this.#sessions.isReadOnly) throw new RegistryError('no_auth', `${op} ${path} was not tried: the tree is read only`);
      return this.#lock.hold(async (stillOurs) => {
        isStill();
        await this.#mustBeThere();
        return work(stillOurs);
      });
    });
  }

  /** What is common to all: refused without a session, not believed when the session ended meanwhile, told as a fact. */
  async #run<T>(op: string, path: string, work: (isStill: () => void) => Promise<T>): Promise<T> {
    const start = this.#clock.now();
    const { epoch } = this.session;
    const isStill = (): void => {
      if (this.#closing) throw new RegistryError('closed', `${op} ${path}: the tree is closed`);
      const isOver = this.session.epoch !== epoch || this.session.state === 'expired';
      if (isOver) throw new RegistryError('expired', `${op} ${path}: the session ended meanwhile`);
    };
    let result = 'ok';
    try {
      if (this.#closing) isStill();
      const { state } = this.session;
      if (state !== 'connected') throw new RegistryError('disconnected', `${op} ${path} was not tried: the session is ${state}`);
      checkPath(path);
      const answer = await work(isStill);
      isStill();
      return answer;
    } catch (error) {
      const told = translate(error, op, path, this.#root);
      result = told.code;
      throw told;
    } finally {
      this.#emit({ kind: 'registry_operation', op, result, ms: this.#clock.now() - start });
    }
  }

  /** A look from outside removes nothing, so it says whose nodes wait to be removed. */
  async #told(found: Found): Promise<Stat> {
    const stat = this.#stat(found);
    if (!this.#sessions.isReadOnly || stat.ownerId === '') return stat;
    const orphaned = await this.#sessions.epitaph(stat.ownerId, this.#clock.wall());
    return orphaned === undefined ? stat : { ...stat, orphaned };
  }

  #stat({ truth, size }: Found): Stat {
    const { czxid, mzxid, version, ctime, owner } = truth;
    const whose = owner === '' ? 'none' : owner === this.session.id ? 'us' : 'other';
    return { czxid, mzxid, version, size, owner: whose, ownerId: owner, ctime };
  }
}

function markOf(found: Found | undefined, children?: readonly string[]): string {
  if (!found) return 'missing';
  const { czxid, mzxid, version, owner } = found.truth;
  return children ? `${czxid} ${JSON.stringify([...children].sort())}` : `${czxid} ${mzxid} ${version} ${owner} ${found.size}`;
}

function checkSize(path: string, { length }: Uint8Array): void {
  if (length > MAX_NODE_BYTES)
    throw new RegistryError('too_large', `${path}: ${length} bytes, a node has at most ${MAX_NODE_BYTES}`);
}

function checkVersion(op: string, { place, truth }: Found, version: number): void {
  if (truth.version === version) return;
  throw new RegistryError('bad_version', `cannot ${op} ${place.path}: it is at version ${truth.version}, not ${version}`);
}
