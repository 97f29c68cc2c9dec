/**
 * Finds and lists the nodes of the embedded tree among its files (names.ts says which they are, record.ts what is in them). Only reads,
 * and takes no lock. What is neither a plain file nor a folder is no node, and nothing is reached through a symbolic link.
 */
import type { BigIntStats, Dirent } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { nameOf } from '../node-path.js';
import { MAX_NODE_BYTES, RegistryError } from '../tree.js';
import { absent, content, look, text } from './files.js';
import { fileOf, nameIn, placeOf, subjectOf } from './names.js';
import type { Place } from './names.js';
import type { NodeRecord, Truth } from './record.js';
import { byHand, fitting, isSameFile, parse } from './record.js';

export interface Found {
  readonly place: Place;
  readonly truth: Truth;
  /** Bytes of data. */
  readonly size: number;
  /** False: a plain file, which cannot hold children until it has become a folder. */
  readonly isFolder: boolean;
  /** Only if it was asked for, and not if it is too large. */
  readonly data?: Uint8Array;
}

/** What one look at the files of a node showed. */
interface Sight {
  readonly line: string | undefined;
  readonly record: NodeRecord | undefined;
  readonly isFolder: boolean;
  readonly data: { readonly stats: BigIntStats; readonly data?: Uint8Array | undefined } | undefined;
  /** Of the data, or of the folder where there is none. */
  readonly stats: BigIntStats;
}

/** While others write, a look may see record and data of two moments; that often in a row is no accident. */
const MOST_LOOKS = 50;

export async function find(root: string, path: string, withData = false): Promise<Found | undefined> {
  const place = placeOf(root, path);
  if (!(await isWithin(root, place.folder))) return undefined;
  let last: Sight | undefined;
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const sight = await see(place, withData);
    if (sight === 'gone') return undefined;
    if (sight === 'moving') continue;
    const truth = fitting(sight.record, sight.data?.stats);
    if (truth) return found(place, sight, truth);
    // This file stood there all the while between two looks at a record that does not fit it. Ours are never without one that does, so a person
    // wrote it. Two files, each seen without its record, are no proof: a node that comes and goes may be met like that twice.
    if (last && last.line === sight.line && isSameFile(last.stats, sight.stats))
      return found(place, sight, byHand(nameOf(path), sight.record, sight.stats, !sight.data));
    last = sight;
  }
  throw new RegistryError('failed', `${place.file} changes too fast to be read`);
}

/**
 * Whether the node is seen to be missing: a folder on the way to it was opened, and what comes next is not in it. Undefined: no folder could
 * be opened, and nothing is known. Two looks at a path never say as much, since the tree may be away at both and back in between. `house`: the
 * folder in the root that is ours; a root without it is not our tree, but the empty place where that was mounted.
 */
export async function isMissing(root: string, path: string, house: string | undefined): Promise<boolean | undefined> {
  for (const next of upTo(path)) {
    const { folder, file, data } = placeOf(root, next);
    const entries = await absent(readdir(folder, { withFileTypes: true }));
    if (!entries) return undefined;
    if (folder === root && house !== undefined && !entries.some(({ name }) => name === house)) return undefined;
    const its = entries.filter(
      (entry) => (isPlain(entry) && entry.name === basename(file)) || (entry.isFile() && entry.name === basename(data)),
    );
    const hasChildren = its.some((entry) => entry.isDirectory());
    if (its.length === 0 || (next !== path && !hasChildren)) return true;
  }
  return false;
}

/** From below the root down to the path itself. */
const upTo = (path: string): readonly string[] => {
  const parts = path.split('/').slice(1);
  return path === '/' ? [] : parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
};
const isPlain = (entry: Dirent): boolean => entry.isFile() || entry.isDirectory();

/** The names of the children. Undefined: its folder cannot be opened, as it has gone since it was found, or is away. */
export async function names(found: Found): Promise<readonly string[] | undefined> {
  const { file: folder } = found.place;
  if (!found.isFolder) return [];
  const files = new Set<string>();
  const entries = await absent(readdir(folder, { withFileTypes: true }));
  if (!entries) return undefined;
  for (const entry of entries) {
    if (!isPlain(entry)) continue;
    // A leaf that is about to become a folder is for a moment only the dotfile with its data.
    if (!entry.name.startsWith('.')) files.add(entry.name);
    else if (entry.name.endsWith('.data')) files.add(subjectOf(entry.name) ?? '');
  }
  const all = await Promise.all([...files].map((file) => nameOfChild(folder, file)));
  return all.filter((name) => name !== undefined);
}

async function nameOfChild(folder: string, file: string): Promise<string | undefined> {
  const name = nameIn(file);
  if (name !== 'hashed') return name?.name;
  const record = parse(await text(join(folder, `.${file}.node`)));
  return record && fileOf(record.name) === file ? record.name : undefined;
}

async function see(place: Place, withData: boolean): Promise<Sight | 'gone' | 'moving'> {
  const line = await text(place.record);
  const own = await look(place.file, place.path === '/');
  if (own && !own.isFile() && !own.isDirectory()) return 'gone';
  const file = own?.isFile() ? place.file : place.data;
  const data = withData ? await content(file, MAX_NODE_BYTES) : await plain(file);
  if (data) return { line, record: parse(line), isFolder: own?.isDirectory() ?? false, data, stats: data.stats };
  if (own?.isFile()) return 'moving'; // it became a folder just now, or went
  return own ? { line, record: parse(line), isFolder: true, data, stats: own } : 'gone';
}

async function plain(file: string): Promise<{ readonly stats: BigIntStats } | undefined> {
  const stats = await look(file);
  return stats?.isFile() ? { stats } : undefined;
}

function found(place: Place, { data, isFolder }: Sight, truth: Truth): Found {
  const size = Number(data?.stats.size ?? 0n);
  const bytes = data ? data.data : new Uint8Array();
  return { place, truth, size, isFolder, ...(bytes && { data: bytes }) };
}

/** Whether the folder is really where its path says, with no symbolic link on the way from the root. */
async function isWithin(root: string, folder: string): Promise<boolean> {
  const [realRoot, real] = await Promise.all([absent(realpath(root)), absent(realpath(folder))]);
  return realRoot !== undefined && real === join(realRoot, relative(root, folder));
}
