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
  const code = codes[(error as NodeJS.ErrnoException).code ?? ''] ?? 'failed';
  return new RegistryError(code, `${op} ${path} failed: ${inWords(error, root)}`, { cause: error });
}

const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'ENOSYS'];

/** Why there is no session in this folder, and what to do about it. */
export function inWords(error: unknown, root: string): string {
  const { code = '', path = root, syscall, message } = error as NodeJS.ErrnoException;
  const elsewhere = 'or name another folder in ZIDECAR_ZOOKEEPER=dir:PATH';
  if (syscall === 'link' && noLinks.includes(code)) return `${root} has no hard links (${message}): use a local disk or tmpfs`;
  switch (code) {
    case 'ENOENT':
      if (path === root) return `there is no folder ${root}: create it (mkdir -p ${root}), ${elsewhere}`;
      return `${path} is gone: the tree was moved or removed; the session goes on when it is back, and a new one begins in an empty folder`;
    case 'ENOTDIR':
      return `${root} is not a folder: name one in ZIDECAR_ZOOKEEPER=dir:PATH`;
    case 'EPERM':
    case 'EACCES':
    case 'EROFS':
      return `this user may not write in ${root} (${message}): allow it, ${elsewhere}`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space left for ${root} (${message}): free some, ${elsewhere}`;
    default:
      return `${root} cannot be used: ${message}`;
  }
}
