/**
 * Who stands already where we are about to announce: the names below a parent, and what some of their nodes say. Bounded in how many are
 * read, of sequential ones the newest, and in the size of each. Arms no watch.
 */
import type { Dialect, Said } from './dialects/dialect.js';
import { ReadSlots } from './read-slots.js';
import { MAX_NODE_BYTES } from './tree.js';
import type { Stat, Tree } from './tree.js';

export interface Neighbour {
  readonly name: string;
  readonly path: string;
  readonly stat: Stat;
  /** Empty where it is too large, or the dialect reads no data. */
  readonly data: Uint8Array;
  readonly said: Said;
}

const AT_ONE_TIME = 8;

/** At most `most` of them; none where the parent is missing. `onNames` is told all names, before they are read. */
export async function neighboursOf(
  tree: Tree,
  { path, service, dialect, most }: { path: string; service: string; dialect: Dialect; most: number },
  onNames?: (names: readonly string[]) => void,
): Promise<readonly Neighbour[]> {
  const listed = await tree.children(path);
  onNames?.(listed?.names ?? []);
  if (listed === undefined) return [];
  const slots = new ReadSlots(AT_ONE_TIME);
  const names = [...listed.names].sort((one, other) => numberOf(other) - numberOf(one)).slice(0, most);
  const found = await Promise.all(names.map((name) => slots.run(() => look(tree, `${path}/${name}`, name, service, dialect))));
  return found.flatMap((one) => one ?? []);
}

/** One of them; undefined when it has gone. */
export async function look(
  tree: Pick<Tree, 'exists' | 'read'>,
  path: string,
  name: string,
  service: string,
  dialect: Dialect,
): Promise<Neighbour | undefined> {
  const stat = await tree.exists(path);
  if (stat === undefined) return undefined;
  const none = { name, path, stat, data: new Uint8Array() };
  if (stat.size > MAX_NODE_BYTES) return { ...none, said: { skip: 'too_large', detail: `${stat.size} bytes` } };
  if (!dialect.readsData) {
    const said = dialect.read(service, name, none.data, stat);
    if (!('skip' in said)) return { ...none, said };
  }
  const node = await tree.read(path);
  return node && { name, path, ...node, said: dialect.read(service, name, node.data, node.stat) };
}

/** The tree's number of a sequential node. */
const numberOf = (name: string): number => Number(/\d{10}$/.exec(name)?.[0] ?? -1);
