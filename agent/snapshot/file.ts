/**
 * The snapshot on disk: read only if it is a plain file of this user's that nobody else can write, and written so that there is a whole one
 * at every moment: beside it first, flushed, then renamed over it. A symbolic link at its place is not followed; writing replaces it.
 */
import { accessSync, closeSync, constants, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export const MOST_BYTES = 32 * 1024 * 1024;
/** Group and others. */
const OTHERS_MAY_WRITE = 0o022;

/** The text; undefined where there is none. Throws an Error that says why it is not to be read. */
export function readFileOf(path: string, user: number | undefined): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Error(code === 'ELOOP' ? 'it is a symbolic link' : `it cannot be opened (${code ?? String(error)})`, {
      cause: error,
    });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error('it is no plain file');
    if (user !== undefined && stat.uid !== user) throw new Error(`it belongs to user ${stat.uid}, and we are ${user}`);
    if ((stat.mode & OTHERS_MAY_WRITE) !== 0) throw new Error('others than its owner may write it: chmod 600 it, or remove it');
    if (stat.size > MOST_BYTES) throw new Error(`it has ${stat.size} bytes, at most ${MOST_BYTES} are read`);
    const room = Buffer.alloc(stat.size);
    let size = 0;
    for (let got = 1; got > 0 && size < room.length; size += got) got = readSync(file, room, size, room.length - size, null);
    return room.toString('utf8', 0, size);
  } finally {
    closeSync(file);
  }
}

/** Makes the folder where there is none. Throws where this user cannot write into it. */
export function prepareFolder(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  accessSync(dirname(path), constants.W_OK | constants.X_OK);
}

/** Resolves when the new file is the one that a crash would leave. */
export async function writeFileOf(path: string, text: string): Promise<void> {
  const aside = `${path}.new`;
  await rm(aside, { force: true });
  const file = await open(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  const folder = await open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
