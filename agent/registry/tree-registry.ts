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
import { isOurs, objection } from './guard.js';
import { neighboursOf, type Neighbour } from './neighbours.js';
import { Newcomers } from './newcomers.js';
import { isNodeName, nameOf } from './node-path.js';
import { ReadSlots } from './read-slots.js';
import type { InstanceList, OnTrouble, Proof, Registry, Source } from './registry.js';
import { byVariables, type Remedies } from './remedies.js';
import { MAX_NODE_BYTES, RegistryError } from './tree.js';
import type { Mode, RegistryErrorCode, Stat, Tree } from './tree.js';
import { Succession, isHeldBy, type Ask } from './succession.js';
import { Tellings } from './tellings.js';
import { Watcher } from './watcher.js';
import { Turns } from './wire/turns.js';
import { same, Writer } from './writer.js';

export interface TreeRegistryParts {
  readonly tree: Tree;
  readonly dialects: ReadonlyMap<string, Dialect>;
  /** Announces whatever speaks against it: see guard.ts. */
  readonly force?: boolean;
  /** What else this machine is called, in small letters. */
  readonly aliases?: ReadonlySet<string>;
  /** What those who announce have written. Default: the variables. */
  readonly remedies?: Remedies;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

/** The node moved between a look and a write: look again, so often at most. */
const races: ReadonlySet<RegistryErrorCode> = new Set(['node_exists', 'no_node', 'no_parent', 'bad_version']);
const MOST_TURNS = 5;
const MOST_SESSIONS = 64;
/** What one sidecar asks of the ensemble at one time while it reads about others. Writes never stand in this queue. */
const READS_IN_FLIGHT = 8;
/** Of those who stand where we announce so many are read for the first time, and again in each later session. */
const NEIGHBOURS = { first: 256, later: 16 };

export class TreeRegistry implements Registry {
  readonly #parts: TreeRegistryParts;
  readonly #tree: Tree;
  readonly #reads = new ReadSlots(READS_IN_FLIGHT);
  readonly #tellings: Tellings;
  readonly #turns: Turns;
  readonly #writer: Writer;
  readonly #succession: Succession;
  readonly #newcomers: Newcomers;
  readonly #aliases: ReadonlySet<string>;
  readonly #remedies: Remedies;
  /** Those that this process has had, the last of them: what one holds is no twin's, though it may be long over for us. */
  readonly #sessions = new Set<string>();
  /** Where we have looked around already, by parent and address. */
  readonly #looked = new Set<string>();

  constructor(parts: TreeRegistryParts) {
    this.#parts = parts;
    this.#tree = parts.tree;
    parts.tree.onSession(({ id }) => {
      if (id !== '') this.#sessions.add(id);
      if (this.#sessions.size > MOST_SESSIONS) this.#sessions.delete([...this.#sessions][0]!);
    });
    this.#tellings = new Tellings(parts.clock);
    this.#turns = new Turns(parts.clock);
    this.#writer = new Writer(parts.tree);
    this.#aliases = parts.aliases ?? new Set();
    this.#remedies = parts.remedies ?? byVariables;
    this.#newcomers = new Newcomers({ ...parts, aliases: this.#aliases, remedies: this.#remedies });
    this.#succession = new Succession({ tree: parts.tree, writer: this.#writer, clock: parts.clock });
  }

  /**
   * Rejects with 'node_exists' when a stranger holds the node, and with 'refused' when those who stand there speak against us; the message says
   * who and why, and `onChange` is called when a node that is named in it changes.
   */
  async put(instance: Instance, at: Source, onChange: () => void, yields = false): Promise<Proof> {
    const dialect = this.#dialect(at);
    const replaces = dialect.change === 'replace';
    const proof = await (replaces
      ? this.#putSuccessor(instance, at, onChange, yields)
      : this.#putInPlace(instance, at, onChange, yields));
    if (this.#parts.force !== true) void this.#newcomers.look(instance, dialect, at.path);
    return proof;
  }

  async #putSuccessor(instance: Instance, at: Source, onChange: () => void, yields: boolean): Promise<Proof> {
    const ask = this.#ask(instance, at, onChange);
    try {
      const done = await racing(() => this.#succession.put(ask, onChange, yields));
      if (done === undefined) throw restless(at.path);
      if (!('twin' in done)) return done;
      const { path, stat } = done.twin;
      await this.#writer.watched(path, onChange, (changed) => this.#tree.exists(path, changed));
      throw new RegistryError('node_exists', this.#twin(path, stat)!);
    } catch (error) {
      this.#looked.delete(placeOf(instance, at)); // something may have been written: look well around the next time
      throw error;
    }
  }

  async #putInPlace(instance: Instance, at: Source, onChange: () => void, yields: boolean): Promise<Proof> {
    const { path, data, mode } = this.#place(instance, at);
    let how: Proof['how'] = 'found';
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const stat = await this.#tree.exists(path);
      const stranger =
        stat && ((await this.#stranger(instance, at, path, stat)) ?? (yields ? this.#twin(path, stat) : undefined));
      if (stranger !== undefined) {
        await this.#writer.watched(path, onChange, (changed) => this.#tree.exists(path, changed));
        throw new RegistryError('node_exists', stranger);
      }
      try {
        if (stat === undefined) {
          await this.#lookAround(instance, at, onChange);
          await this.#writer.create(path, { data, mode }, this.#dialect(at).parents);
          how = how === 'found' ? 'created' : how;
        } else if (stat.owner !== 'us') {
          how = 'taken_over';
          await this.#writer.replace({ path, version: stat.version }, path, data, mode);
        } else if (stat.size !== data.length || !same((await this.#tree.read(path))?.data, data)) {
          await this.#tree.write(path, data, stat.version);
          how = 'rewritten';
        }
      } catch (error) {
        if (error instanceof RegistryError && races.has(error.code)) continue;
        throw error;
      }
      const seen = await this.#writer.watched(path, onChange, (changed) => this.#tree.read(path, changed));
      if (seen?.stat.owner === 'us' && same(seen.data, data)) {
        return { path, zxid: String(seen.stat.mzxid), at: this.#parts.clock.wall(), how };
      }
    }
    throw restless(path);
  }

  async remove(instance: Instance, at: Source, yields = false): Promise<void> {
    const heldBy = yields ? this.#sessions : undefined;
    if (this.#dialect(at).change === 'replace') {
      const gone = await racing(() => this.#succession.remove(this.#ask(instance, at), heldBy).then(() => true));
      if (gone === undefined) throw restless(at.path);
      return;
    }
    const { path } = this.#place(instance, at);
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const stat = await this.#tree.exists(path);
      if (stat === undefined || !isHeldBy(stat, heldBy) || (await this.#stranger(instance, at, path, stat))) return;
      try {
        await this.#tree.remove(path, stat.version);
        return;
      } catch (error) {
        if (!(error instanceof RegistryError && races.has(error.code))) throw error;
      }
    }
    throw restless(path);
  }

  async names(at: Source): Promise<ReadonlySet<string>> {
    const { path } = at;
    const dialect = this.#dialect(at);
    await this.#tree.sync(path);
    if (dialect.change === 'replace') {
      // their names are the tree's, and say nothing of an id
      const there = await neighboursOf(this.#tree, { path, service: nameOf(path), dialect, most: NEIGHBOURS.first });
      return new Set(there.flatMap(({ name, said }) => (isInstance(said) ? [name, said.id] : [name])));
    }
    const found = await this.#reads.run(() => this.#tree.children(path));
    return new Set(found?.names);
  }

  watch(service: string, at: Source, onList: (list: InstanceList) => void, onTrouble?: OnTrouble): () => void {
    const { tree, clock, random, emit } = this.#parts;
    const dialect = this.#dialect(at);
    const { path, endpoint } = at;
    const watcher = new Watcher({
      ...{ tree, dialect, service, path, endpoint, clock, random, emit, onList, onTrouble },
      ...{ reads: this.#reads, turns: this.#turns, tellings: this.#tellings },
    });
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
      `${quote(name)} cannot name a node: set ${this.#remedies.id} to an id without / and control characters`,
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
      `end that one, or set ${this.#remedies.id} to an id that nobody else has`
    );
  }

  /** A sentence about another session that has our id, host and port, and holds the node. */
  #twin(path: string, { owner, ownerId }: Stat): string | undefined {
    if (owner === 'us') return undefined;
    return (
      `${path} is held by another live sidecar with our id, host and port (session ${ownerId}), which takes it back each time: ` +
      `stop one of the two, or give each its own ${this.#remedies.address} or ${this.#remedies.id}`
    );
  }

  /** `onChange`: we are about to announce, so that the neighbours may speak against it. */
  #ask(instance: Instance, at: Source, onChange?: () => void): Ask {
    const dialect = this.#dialect(at);
    this.#place(instance, at);
    const neighbours = (): Promise<readonly Neighbour[]> =>
      onChange
        ? this.#lookAround(instance, at, onChange)
        : neighboursOf(this.#tree, { path: at.path, service: instance.service, dialect, most: NEIGHBOURS.first });
    return { instance, dialect, path: at.path, neighbours };
  }

  /** Those who stand where we are about to announce. Rejects with 'refused' where they speak against it. */
  async #lookAround(instance: Instance, at: Source, onChange: () => void): Promise<readonly Neighbour[]> {
    const dialect = this.#dialect(at);
    if (this.#parts.force === true && dialect.change === 'in_place') return [];
    const key = placeOf(instance, at);
    const most = this.#looked.has(key) ? NEIGHBOURS.later : NEIGHBOURS.first;
    const found = await neighboursOf(this.#tree, { path: at.path, service: instance.service, dialect, most }, (names) =>
      this.#newcomers.known(instance, at.path, names),
    );
    // whoever stands already stays, since calls go by it
    const mayStand = this.#parts.force === true || found.some(({ stat, said }) => stat.owner === 'us' && isOurs(instance, said));
    const against = mayStand ? undefined : objection(found, instance, dialect, at.path, this.#aliases, this.#remedies);
    if (against?.path !== undefined) {
      const { path } = against;
      await this.#writer.watched(path, onChange, (changed) => this.#tree.exists(path, changed));
    }
    if (against) throw new RegistryError('refused', against.why);
    this.#looked.add(key);
    return found;
  }
}

const placeOf = (instance: Instance, { path }: Source): string => `${path} ${address(instance)}`;

/** Undefined: after so many attempts something still moves under our hands. */
async function racing<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    try {
      const done = await attempt();
      if (done !== undefined) return done;
    } catch (error) {
      if (!(error instanceof RegistryError && races.has(error.code))) throw error;
    }
  }
  return undefined;
}

const restless = (path: string): RegistryError =>
  new RegistryError('failed', `${path} changed ${MOST_TURNS} times under our hands: somebody else writes or removes it`);
