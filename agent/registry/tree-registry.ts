/**
 * The registry on a tree: where an instance's node goes, whose a node is that stands there already, and the read that proves it. Makes
 * one attempt a call and never waits for somebody else; when to try again is the announcer's to decide.
 *
 *   nothing there                     create it, and what is missing above it
 *   ours, of this session             write it again if its bytes are not ours
 *   ours, of an earlier session       delete by version and create: else it vanishes when the old session ends
 *   a stranger's                      an error that says whose; a watch tells when it has gone
 *
 * Ours is what has our id, host and port.
 */
import { address } from '../../lb/endpoint.js';
import type { Emit } from '../events.js';
import { quote } from '../printable.js';
import type { Clock, Random } from '../system.js';
import { isInstance, type Dialect, type Instance } from './dialects/dialect.js';
import { isNodeName, nameOf, parentOf } from './node-path.js';
import { ReadSlots } from './read-slots.js';
import type { InstanceList, Proof, Registry, Source } from './registry.js';
import { MAX_NODE_BYTES, RegistryError } from './tree.js';
import type { Mode, RegistryErrorCode, Stat, Tree } from './tree.js';
import { Watcher } from './watcher.js';

export interface TreeRegistryParts {
  readonly tree: Tree;
  readonly dialects: ReadonlyMap<string, Dialect>;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

/** The node moved between a look and a write: look again, so often at most. */
const races: ReadonlySet<RegistryErrorCode> = new Set(['node_exists', 'no_node', 'no_parent', 'bad_version']);
const MOST_TURNS = 5;
/** What one sidecar asks of the ensemble at one time while it reads about others. Writes never stand in this queue. */
const READS_IN_FLIGHT = 8;

export class TreeRegistry implements Registry {
  readonly #parts: TreeRegistryParts;
  readonly #tree: Tree;
  readonly #reads = new ReadSlots(READS_IN_FLIGHT);
  /** Armed watches on nodes that we announce: at most one a path, since arming again leaks in the native client. */
  readonly #armed = new Map<string, { onChange: () => void }>();

  constructor(parts: TreeRegistryParts) {
    this.#parts = parts;
    this.#tree = parts.tree;
  }

  /** Rejects with 'node_exists' when a stranger holds the node; the message says who, and `onChange` is called when that changes. */
  async put(instance: Instance, at: Source, onChange: () => void, yields = false): Promise<Proof> {
    const { path, data, mode } = this.#place(instance, at);
    let how: Proof['how'] = 'found';
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const stat = await this.#tree.exists(path);
      const stranger = stat && ((await this.#stranger(instance, at, path, stat)) ?? (yields ? twin(path, stat) : undefined));
      if (stranger !== undefined) {
        await this.#watched(path, onChange, (changed) => this.#tree.exists(path, changed));
        throw new RegistryError('node_exists', stranger);
      }
      try {
        if (stat === undefined) {
          await this.#create(path, data, mode);
          how = how === 'found' ? 'created' : how;
        } else if (stat.owner !== 'us') {
          how = 'taken_over';
          await this.#replace(path, stat.version, data, mode);
        } else if (stat.size !== data.length || !same((await this.#tree.read(path))?.data, data)) {
          await this.#tree.write(path, data, stat.version);
          how = 'rewritten';
        }
      } catch (error) {
        if (error instanceof RegistryError && races.has(error.code)) continue;
        throw error;
      }
      const seen = await this.#watched(path, onChange, (changed) => this.#tree.read(path, changed));
      if (seen?.stat.owner === 'us' && same(seen.data, data)) {
        return { path, zxid: String(seen.stat.mzxid), at: this.#parts.clock.wall(), how };
      }
    }
    throw restless(path);
  }

  async remove(instance: Instance, at: Source): Promise<void> {
    const { path } = this.#place(instance, at);
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const stat = await this.#tree.exists(path);
      if (stat === undefined || (await this.#stranger(instance, at, path, stat)) !== undefined) return;
      try {
        await this.#tree.remove(path, stat.version);
        return;
      } catch (error) {
        if (!(error instanceof RegistryError && races.has(error.code))) throw error;
      }
    }
    throw restless(path);
  }

  watch(service: string, at: Source, onList: (list: InstanceList) => void): () => void {
    const { tree, clock, random, emit } = this.#parts;
    const dialect = this.#dialect(at);
    const { path, endpoint } = at;
    const watcher = new Watcher({ tree, dialect, service, path, endpoint, reads: this.#reads, clock, random, emit, onList });
    watcher.start();
    return () => watcher.stop();
  }

  #dialect({ dialect }: Source): Dialect {
    const found = this.#parts.dialects.get(dialect);
    if (found) return found;
    throw new RegistryError('failed', `no dialect ${quote(dialect)}: one of ${[...this.#parts.dialects.keys()].join(', ')}`);
  }

  #place(instance: Instance, at: Source): { readonly path: string; readonly data: Uint8Array; readonly mode: Mode } {
    const { name, data, mode } = this.#dialect(at).place(instance);
    if (isNodeName(name)) return { path: `${at.path}/${name}`, data, mode };
    throw new RegistryError(
      'bad_path',
      `${quote(name)} cannot name a node: set ZIDECAR_INSTANCE_ID to an id without / and control characters`,
    );
  }

  /** A sentence about the stranger who holds the node; undefined when it is ours or has gone meanwhile. */
  async #stranger(instance: Instance, at: Source, path: string, stat: Stat): Promise<string | undefined> {
    if (stat.owner === 'us') return undefined;
    const node = stat.size > MAX_NODE_BYTES ? { data: new Uint8Array(), stat } : await this.#tree.read(path);
    if (node === undefined) return undefined;
    const found = this.#dialect(at).read(instance.service, nameOf(path), node.data, node.stat);
    if (isInstance(found) && found.host === instance.host && found.port === instance.port) return undefined;
    const who = isInstance(found)
      ? address(found)
      : `something that is no instance${'skip' in found ? ` (${found.detail})` : ''}`;
    const since = node.stat.owner === 'none' ? 'by a node without a session' : `in session ${node.stat.ownerId}`;
    return (
      `${path} is held by ${who} ${since}, and we are ${address(instance)}: ` +
      `end that one, or set ZIDECAR_INSTANCE_ID to an id that nobody else has`
    );
  }

  /**
   * Both are sent before either is answered, so that the servers carry them out one right after the other: a peer that hears of the
   * removal and asks for the list finds the node that has followed it, and loses no call.
   */
  async #replace(path: string, version: number, data: Uint8Array, mode: Parameters<Tree['create']>[2]): Promise<void> {
    const [removed, created] = await Promise.allSettled([this.#tree.remove(path, version), this.#tree.create(path, data, mode)]);
    if (removed.status === 'rejected') throw removed.reason;
    if (created.status === 'rejected') throw created.reason;
  }

  /** What is missing above is created each time: an empty service's folder is a container, which the server takes away. */
  async #create(path: string, data: Uint8Array, mode: Mode): Promise<void> {
    try {
      await this.#tree.create(path, data, mode);
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'no_parent') || parentOf(path) === '/') throw error;
      await this.#create(parentOf(path), new Uint8Array(), 'container').catch((failure: unknown) => {
        if (!(failure instanceof RegistryError && failure.code === 'node_exists')) throw failure;
      });
      await this.#tree.create(path, data, mode);
    }
  }

  /** Asks with a watch, unless one is armed on that path already: that one will do, and calls the newest listener. */
  async #watched<T>(path: string, onChange: () => void, ask: (changed?: () => void) => Promise<T>): Promise<T> {
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

const same = (one: Uint8Array | undefined, other: Uint8Array): boolean => one !== undefined && Buffer.compare(one, other) === 0;

/** A sentence about another session that has our id, host and port, and holds the node. */
const twin = (path: string, { owner, ownerId }: Stat): string | undefined =>
  owner === 'us'
    ? undefined
    : `${path} is held by another live sidecar with our id, host and port (session ${ownerId}), which takes it back each time: ` +
      'stop one of the two, or give each its own ZIDECAR_ADVERTISE or ZIDECAR_INSTANCE_ID';

const restless = (path: string): RegistryError =>
  new RegistryError('failed', `${path} changed ${MOST_TURNS} times under our hands: somebody else writes or removes it`);
