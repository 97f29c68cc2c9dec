/**
 * `zidecar lint`: what the nodes below a parent are to each reader of the field. Readers of the dialects that live there are at home; only what
 * breaks one of these is wrong, since nobody else reads there. Reads, never writes, arms no watch, and stops at 5,000 nodes.
 */
import { isIP } from 'node:net';
import { isInstance } from './registry/dialects/dialect.js';
import { dialects } from './registry/dialects/dialects.js';
import { readers, type Verdict } from './registry/dialects/readers.js';
import { recognise } from './registry/dialects/recognise.js';
import type { Places } from './places.js';
import { nameOf, parentOf } from './registry/node-path.js';
import { ReadSlots } from './registry/read-slots.js';
import { MAX_NODE_BYTES, RegistryError } from './registry/tree.js';
import type { Stat, Tree } from './registry/tree.js';
import { address } from '../lb/endpoint.js';

export interface LintedNode {
  readonly name: string;
  /** Whose node it looks like; `-` where nothing tells. */
  readonly dialect: string;
  readonly address: string;
  readonly verdicts: readonly (Verdict & { readonly reader: string; readonly home: boolean })[];
}

export interface LintedPath {
  readonly path: string;
  /** Of the readers at home. */
  readonly dialects: readonly string[];
  /** Those that break a reader at home first. */
  readonly nodes: readonly LintedNode[];
  readonly broken: number;
  /** Nodes beyond the bound: of one node's neighbours 100 are looked at. */
  readonly beyond: number;
  /** What the registry did not let us read: the names of nodes, or `.` for the path itself. */
  readonly unread: readonly string[];
  /** Set where nothing tells whether it is a folder without nodes or one node that readers may break on. */
  readonly perhapsNode?: true;
  /** Set where it holds the folders of services, and no nodes: nobody reads those as instances. */
  readonly ofFolders?: true;
}

export const MOST_NODES = 5_000;
const AT_ONE_TIME = 16;
/** So many of those beside one node are looked at, and so many that may be folders are asked whether they are. */
const BESIDE = 100;

interface Asked {
  readonly path: string;
  readonly service?: string;
  /** Of a place where no node tells. */
  readonly dialect: string;
  readonly most?: number;
  /** Nobody else is looked at, in this order. */
  readonly only?: readonly string[];
}

/** Undefined: there is no such node. */
export async function lintPath(tree: Tree, asked: Asked): Promise<LintedPath | undefined> {
  return (await look(tree, asked))?.place;
}

/** `bare`: those in it that may be folders. */
async function look(
  tree: Tree,
  { path, service = nameOf(path), dialect, most = MOST_NODES, only }: Asked,
): Promise<{ readonly place: LintedPath; readonly bare: readonly string[] } | undefined> {
  const listed = only ? { names: only } : await tree.children(path).catch(unlessForbidden);
  if (listed === undefined) return undefined;
  if (listed === 'forbidden') return { place: forbidden(path), bare: [] };
  const names = only ?? [...listed.names].sort();
  const slots = new ReadSlots(AT_ONE_TIME);
  const read = await Promise.all(
    names.slice(0, most).map((name) => slots.run(() => readUnlessForbidden(tree, below(path, name), name))),
  );
  const nodes = read.flatMap((node) => (node === undefined || 'forbidden' in node ? [] : node));
  const unread = read.flatMap((node) => (node !== undefined && 'forbidden' in node ? node.forbidden : []));
  const kinds = new Set(nodes.flatMap(({ name, data }) => recognise(name, data)?.dialect ?? []));
  const home = kinds.size > 0 ? kinds : new Set([dialect]);
  const linted = nodes.map((node) => lintNode(node, service, home)).sort((one, other) => rank(one) - rank(other));
  const beyond = Math.max(0, names.length - most);
  const place = { path, dialects: [...home].sort(), nodes: linted, broken: brokenOf(linted), beyond, unread };
  return { place, bare: nodes.filter((node) => !isNode(node)).map(({ name }) => name) };
}

/** A path of somebody's choice: a folder of nodes, or one node, which is what it is to those who read its folder. */
export async function lintPlace(tree: Tree, path: string, places: Places): Promise<LintedPath | undefined> {
  const found = await look(tree, { path, dialect: places.dialectAt(path) });
  const place = found && (await withoutFolders(tree, found.place, found.bare, places));
  if (place?.ofFolders) return place;
  if (place === undefined || path === '/' || place.nodes.length + place.unread.length > 0 || places.isFolder(path)) return place;
  const [folder, name] = [parentOf(path), nameOf(path)];
  const itself = await readUnlessForbidden(tree, path, name);
  if (itself === undefined) return undefined;
  if ('forbidden' in itself) return forbidden(path);
  const listed = await tree.children(folder).catch(unlessForbidden);
  const beside = listed === undefined || listed === 'forbidden' ? [] : listed.names.filter((other) => other !== name);
  const only = [name, ...beside.sort()];
  const around = (await lintPath(tree, { path: folder, dialect: places.dialectAt(folder), only, most: 1 + BESIDE }))!;
  if (!isNode(itself) && !places.isFolder(folder) && around.nodes.every((node) => node.dialect === '-'))
    return (await foldersAmong(tree, folder, beside)).size > 0 ? place : { ...place, perhapsNode: true };
  const nodes = around.nodes.filter((node) => node.name === name);
  return { ...around, nodes, broken: brokenOf(nodes), unread: [] };
}

/**
 * Where no node tells that it is one: a folder of folders, by its path or since one in it is a folder and none has data or a session; else the
 * folders in it are left out. Nobody announces into the root.
 */
async function withoutFolders(tree: Tree, place: LintedPath, bare: readonly string[], places: Places): Promise<LintedPath> {
  const { path, nodes } = place;
  if (nodes.length === 0 || places.isFolder(path) || nodes.some((node) => node.dialect !== '-')) return place;
  const ofFolders = { ...place, nodes: [], broken: 0, beyond: 0, ofFolders: true } as const;
  if (nodes.some(({ name }) => places.isFolder(below(path, name)))) return ofFolders;
  const folders = await foldersAmong(tree, path, bare);
  if (folders.size > 0 && (path === '/' || bare.length === nodes.length)) return ofFolders;
  const rest = nodes.filter(({ name }) => !folders.has(name));
  return { ...place, nodes: rest, broken: brokenOf(rest) };
}

/** Those with something in them. */
async function foldersAmong(tree: Tree, parent: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const slots = new ReadSlots(AT_ONE_TIME);
  const asked = names.slice(0, BESIDE).map(async (name) => {
    const listed = await slots.run(() => tree.children(below(parent, name)).catch(unlessForbidden));
    return listed !== undefined && listed !== 'forbidden' && listed.names.length > 0 ? [name] : [];
  });
  return new Set((await Promise.all(asked)).flat());
}

const below = (parent: string, name: string): string => `${parent === '/' ? '' : parent}/${name}`;

/** A session's, or one with data. Curator gives a folder that it makes for others the address of its machine. */
const isNode = ({ data, stat }: Bytes): boolean =>
  stat.owner !== 'none' || (stat.size > 0 && isIP(new TextDecoder().decode(data)) === 0);

/** Of a folder that an access list keeps from us. */
export const forbidden = (path: string): LintedPath => ({ path, dialects: [], nodes: [], broken: 0, beyond: 0, unread: ['.'] });

/** For `catch`: an access list stops one place; any other failure, all of it. */
export function unlessForbidden(error: unknown): 'forbidden' {
  if (error instanceof RegistryError && error.code === 'no_auth') return 'forbidden';
  throw error;
}

interface Bytes {
  readonly name: string;
  readonly data: Uint8Array;
  readonly stat: Stat;
}

async function readUnlessForbidden(
  tree: Tree,
  path: string,
  name: string,
): Promise<Bytes | { readonly forbidden: string } | undefined> {
  const node = await readNode(tree, path, name).catch(unlessForbidden);
  return node === 'forbidden' ? { forbidden: name } : node;
}

async function readNode(tree: Tree, path: string, name: string): Promise<Bytes | undefined> {
  const stat = await tree.exists(path);
  if (stat === undefined) return undefined;
  if (stat.size > MAX_NODE_BYTES || recognise(name, new Uint8Array())?.dialect === 'dubbo')
    return { name, data: new Uint8Array(), stat };
  const node = await tree.read(path);
  return node && { name, ...node };
}

function lintNode({ name, data, stat }: Bytes, service: string, home: ReadonlySet<string>): LintedNode {
  const kind = recognise(name, data)?.dialect;
  const unread = data.length === 0 && stat.size > MAX_NODE_BYTES;
  const said = kind === undefined ? undefined : dialects.get(kind)!.read(service, name, data, stat);
  const verdicts = readers.map(({ name: reader, dialect, read }) => {
    const verdict: Verdict =
      unread && dialect !== 'dubbo'
        ? {
            does: 'ignores',
            why: `${stat.size} bytes, at most ${MAX_NODE_BYTES} are read, so only zidecar is known to pass over it`,
          }
        : read({ service, name, data, stat });
    return { reader, home: dialect === undefined || home.has(dialect), ...verdict };
  });
  return { name, dialect: kind ?? '-', address: isInstance(said) ? address(said) : '', verdicts };
}

const brokenOf = (nodes: readonly LintedNode[]): number => nodes.filter((node) => rank(node) === 0).length;

/** 0: breaks a reader at home; 1: one at home passes over it; 2: all at home take it. */
function rank({ verdicts }: LintedNode): number {
  const does = new Set(verdicts.filter(({ home }) => home).map((verdict) => verdict.does));
  return does.has('breaks') ? 0 : does.has('ignores') ? 1 : 2;
}
