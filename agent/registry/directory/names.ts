/**
 * Where a node of the embedded tree lies in its folder. A node `name` below a parent has up to three files in the parent's folder:
 *
 *     name         a leaf: a plain file with the data and nothing else; or a folder: the node's children
 *     .name.data   the data of a node whose `name` is a folder
 *     .name.node   what else is known of it (record.ts); a file that a person wrote has none
 *
 * Most names are file names as they are. One that begins with '.' or '%' has that character escaped (`%2E`, `%25`), and one of more
 * than 200 bytes becomes `%sha256-<hex>`, with the full name in its record. So no node's file begins with a dot, and the dotfiles are
 * ours. The root's own files are `..data` and `..node`; leases, lock and temporary files are in `.zidecar`.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isNodeName, nameOf, parentOf } from '../node-path.js';

/** Of 255 that a file system allows; the dotfiles' affixes need some. */
const MAX_NAME_BYTES = 200;
const HASHED = '%sha256-';

export interface Place {
  readonly path: string;
  /** The folder that holds the three files; for the root the root itself. */
  readonly folder: string;
  readonly file: string;
  readonly data: string;
  readonly record: string;
}

/** `path` must have been checked. */
export function placeOf(root: string, path: string): Place {
  const own = fileOf(nameOf(path));
  const folder = join(root, ...parentOf(path).split('/').map(fileOf));
  return {
    path,
    folder,
    file: join(folder, own),
    data: join(folder, `.${own}.data`),
    record: join(folder, `.${own}.node`),
  };
}

export function fileOf(name: string): string {
  const escaped = name.startsWith('.') ? `%2E${name.slice(1)}` : name.startsWith('%') ? `%25${name.slice(1)}` : name;
  if (Buffer.byteLength(escaped) <= MAX_NAME_BYTES) return escaped;
  return HASHED + createHash('sha256').update(name).digest('hex');
}

/** The name of the node in this file; undefined where the file is no node's; 'hashed': it must be looked up in the record. */
export function nameIn(file: string): { readonly name: string } | 'hashed' | undefined {
  if (file.startsWith(HASHED)) return 'hashed';
  const name = file.startsWith('%2E') ? `.${file.slice(3)}` : file.startsWith('%25') ? `%${file.slice(3)}` : file;
  // What we would not have written this way is no node: two files must never stand for one name.
  return isNodeName(name) && fileOf(name) === file ? { name } : undefined;
}

/** Which node's file, by its file name, a change of `entry` in its folder is about; undefined: nobody's. */
export function subjectOf(entry: string): string | undefined {
  if (!entry.startsWith('.')) return entry;
  return /^\.(.*)\.(?:data|node)$/.exec(entry)?.[1];
}
