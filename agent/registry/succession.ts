/**
 * An instance in a dialect whose readers read a node once: a change is a successor, created first, and then the end of the one before it, so
 * that both are seen for a moment and nobody ever sees none. The tree numbers most of these nodes, so ours is known by what it says (our id,
 * host and port) and by who holds it, never by a name that was only hoped for: after a lost answer the next put finds it and makes no second.
 *
 *    held? ──yes, ours, our bytes──▶ weigh ──▶ prove ──▶ end the others of ours
 *      └──no──▶ create a successor ───┘
 *
 * What was seen in this session is remembered by name; a doubt, or another session, and the neighbours are asked again.
 */
import { address } from '../../lb/endpoint.js';
import type { Clock } from '../system.js';
import { isInstance, type Dialect, type Instance, type Placed } from './dialects/dialect.js';
import { isOurs } from './guard.js';
import { look, type Neighbour } from './neighbours.js';
import type { Proof } from './registry.js';
import type { Stat, Tree } from './tree.js';
import { same, type Writer } from './writer.js';

/** What one instance has in the tree. */
interface Own {
  /** Nodes that say who we are, the one that is announced among them. */
  readonly nodes: readonly Neighbour[];
  /** Vectors that weigh one of these. */
  readonly vectors: readonly Neighbour[];
}

/** By the present session or one of these; undefined: whoever has it. */
export const isHeldBy = ({ owner, ownerId }: Stat, sessions: ReadonlySet<string> | undefined): boolean =>
  sessions === undefined || owner === 'us' || sessions.has(ownerId);

export interface Ask {
  readonly instance: Instance;
  readonly dialect: Dialect;
  /** The parent. */
  readonly path: string;
  /** Those who stand there, us among them. Asked for only when they have to be known; throws where they speak against us. */
  readonly neighbours: () => Promise<readonly Neighbour[]>;
}

export class Succession {
  readonly #tree: Tree;
  readonly #writer: Writer;
  readonly #clock: Pick<Clock, 'wall'>;
  /** Names of our nodes, as this session has seen them. */
  readonly #seen = new Map<string, { readonly epoch: number; readonly names: readonly string[] }>();

  constructor(parts: { readonly tree: Tree; readonly writer: Writer; readonly clock: Pick<Clock, 'wall'> }) {
    this.#tree = parts.tree;
    this.#writer = parts.writer;
    this.#clock = parts.clock;
  }

  /**
   * One attempt; undefined: somebody moved between a look and a write, so look again. `yields`: what another session holds of us is answered
   * with, and left to it.
   */
  async put(ask: Ask, onChange: () => void, yields: boolean): Promise<Proof | { readonly twin: Neighbour } | undefined> {
    const { instance, dialect, path } = ask;
    const placed = dialect.place(instance);
    const own = await this.#own(ask);
    const twin = yields ? own.nodes.find(({ stat }) => stat.owner !== 'us') : undefined;
    if (twin) return { twin };
    this.#seen.delete(key(ask)); // until all is proved: an answer may be lost
    const isNamed = placed.mode !== 'ephemeral_sequential';
    const held = own.nodes.find(
      ({ name, data, stat }) => stat.owner === 'us' && (isNamed ? name === placed.name : same(data, placed.data)),
    );
    let how: Proof['how'] = 'found';
    let node = held?.path;
    if (node === undefined) {
      how = own.nodes.length === 0 ? 'created' : own.nodes.some(({ stat }) => stat.owner === 'us') ? 'rewritten' : 'taken_over';
      node = await this.#create(own.nodes, path, placed, dialect);
    }
    const { vector, replaced } = await this.#weigh(ask, own.vectors, node);
    if (vector !== undefined && !own.vectors.some((one) => one.path === vector) && how === 'found') how = 'rewritten';
    const seen = await this.#writer.watched(node, onChange, (changed) => this.#tree.exists(node, changed));
    const proved = seen && seen.owner === 'us' && (await this.#holds(node, placed.data, dialect));
    if (!proved) return undefined;
    for (const old of [...own.nodes, ...own.vectors])
      if (![node, vector, replaced].includes(old.path)) await this.#tree.remove(old.path, old.stat.version);
    const names = [node, ...(vector === undefined ? [] : [vector])].map((one) => one.slice(path.length + 1));
    this.#seen.set(key(ask), { epoch: this.#tree.session.epoch, names });
    return { path: node, zxid: String(seen.mzxid), at: this.#clock.wall(), how };
  }

  /** `heldBy`: what a session holds of us stays, but for the present one and these. */
  async remove(ask: Ask, heldBy: ReadonlySet<string> | undefined): Promise<void> {
    const { nodes, vectors } = await this.#own(ask);
    this.#seen.delete(key(ask));
    for (const { path, stat } of [...nodes, ...vectors]) if (isHeldBy(stat, heldBy)) await this.#tree.remove(path, stat.version);
  }

  /** A name of ours that another session holds is taken over; a sequential one never meets another. */
  #create(nodes: readonly Neighbour[], parent: string, placed: Placed, { parents }: Dialect): Promise<string> {
    const path = `${parent}/${placed.name}`;
    const there = nodes.find((one) => one.path === path);
    if (there === undefined) return this.#writer.create(path, placed, parents);
    return this.#writer.replace({ path, version: there.stat.version }, path, placed.data, placed.mode);
  }

  /**
   * Makes the vector that stands for the weight: its path, and that of one that it has replaced. An old one goes in the same breath as the new one comes: with both, a reader would
   * multiply them.
   */
  async #weigh(
    { instance, dialect, path }: Ask,
    vectors: readonly Neighbour[],
    node: string,
  ): Promise<{ readonly vector?: string; readonly replaced?: string }> {
    const beside = dialect.beside?.(instance, node.slice(path.length + 1));
    if (beside === undefined) return {};
    const right = vectors.find(({ stat, data }) => stat.owner === 'us' && same(data, beside.data));
    if (right) return { vector: right.path };
    const at = `${path}/${beside.name}`;
    const old = vectors.find(({ said }) => 'factors' in said && said.factors.has(`member=${node.slice(path.length + 1)}`));
    if (old === undefined) return { vector: await this.#writer.create(at, beside, dialect.parents) };
    const vector = await this.#writer.replace({ path: old.path, version: old.stat.version }, at, beside.data, beside.mode);
    return { vector, replaced: old.path };
  }

  async #holds(path: string, data: Uint8Array, dialect: Dialect): Promise<boolean> {
    return !dialect.readsData || same((await this.#tree.read(path))?.data, data);
  }

  async #own(ask: Ask): Promise<Own> {
    const { instance, dialect, path } = ask;
    const known = this.#seen.get(key(ask));
    if (known?.epoch === this.#tree.session.epoch) {
      const found = await Promise.all(
        known.names.map((name) => look(this.#tree, `${path}/${name}`, name, instance.service, dialect)),
      );
      const all = found.flatMap((one) => one ?? []);
      // all of it is there and ours, whatever somebody has made of its data
      if (all.length === known.names.length && all.every(({ stat }) => stat.owner === 'us')) {
        const vectors = all.filter(({ name }, index) => index > 0 && name !== known.names[0]);
        return { nodes: all.slice(0, 1), vectors };
      }
    }
    const neighbours = await ask.neighbours();
    const nodes = neighbours.filter(({ said }) => isOurs(instance, said));
    const names = nodes.map(({ name }) => name);
    // a folder that is made anew gives its numbers again, to others
    const gone = (known?.names ?? []).filter((name) => !neighbours.some((one) => one.name === name));
    const isOrphan = (one: Neighbour): boolean => one.stat.owner === 'us' && weighs(one, gone);
    return { nodes, vectors: neighbours.filter((one) => weighs(one, names) || isOrphan(one)) };
  }
}

/** Whether it is a vector of these members alone. */
function weighs({ said }: Neighbour, names: readonly string[]): boolean {
  if (isInstance(said) || !('factors' in said) || said.factors.size === 0) return false;
  const members = new Set(names.map((name) => `member=${name}`));
  return [...said.factors.keys()].every((one) => members.has(one));
}

const key = ({ instance, path }: Ask): string => `${path} ${instance.id} ${address(instance)}`;
