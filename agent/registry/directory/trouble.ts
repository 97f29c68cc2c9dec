/** What the file system refuses, in the words of the port (codes) and of a person (what to do). */
import { RegistryError } from '../tree.js';
import type { RegistryErrorCode } from '../tree.js';

const codes: Readonly<Record<string, RegistryErrorCode>> = {
  ENOENT: 'connection_lost',
  ENOTDIR: 'connection_lost',
  EEXIST: 'node_exists',
  ENOTEMPTY: 'not_empty',
  EACCES: 'no_auth',
  EPERM: 'no_auth',
  EROFS: 'no_auth',
  ENAMETOOLONG: 'bad_path',
};

export function translate(error: unknown, op: string, path: string, root: string): RegistryError {
  if (error instanceof RegistryError) return error;
  const code = codes[codeOf(error)] ?? 'failed';
  return new RegistryError(code, `${op} ${path} failed: ${inWords(error, root)}`, { cause: error });
}

/** Why there is no session in this folder, and what to do about it. */
export function inWords(error: unknown, root: string): string {
  const said = error instanceof Error ? error.message : String(error);
  switch (codeOf(error)) {
    case 'ENOENT':
      return `there is no folder ${root}, or it is not as it was (${said}): mkdir -p ${root}`;
    case 'ENOTDIR':
      return `${root} is not a folder: name one in ZIDECAR_ZOOKEEPER=dir:PATH`;
    case 'EACCES':
    case 'EROFS':
      return `this user may not write in ${root} (${said}): give it the right to, or name another folder in ZIDECAR_ZOOKEEPER=dir:PATH`;
    case 'EPERM':
    case 'ENOTSUP':
    case 'EXDEV':
      return `the file system of ${root} has no hard links, or forbids them (${said}): choose a folder on a local disk or tmpfs`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space left for ${root} (${said}): free some`;
    default:
      return `${root} cannot be used: ${said}`;
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? '';
