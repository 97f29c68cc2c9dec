/** The few things that the embedded tree asks of the file system, safe against what else may lie in the folder. */
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';

/** Undefined where there is no such file, a part of its path is no folder, or it is a link or a socket that was to be opened. */
export async function absent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw error;
  }
}

/** Of the entry itself, a symbolic link is told as one; with `follow` (for the root, which the user named), of what it leads to. */
export const look = (file: string, follow = false): Promise<BigIntStats | undefined> =>
  absent(follow ? stat(file, { bigint: true }) : lstat(file, { bigint: true }));

/**
 * The content of a plain file together with the stats of the very file that was read, the content undefined if it has more than `most`
 * bytes. Undefined for anything else: a link is not followed, and a pipe does not make us wait.
 */
export async function content(
  file: string,
  most: number,
): Promise<{ readonly stats: BigIntStats; readonly data: Buffer | undefined } | undefined> {
  const handle = await absent(open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (!handle) return undefined;
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) return undefined;
    if (stats.size > most) return { stats, data: undefined };
    const buffer = Buffer.alloc(Number(stats.size));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return { stats, data: buffer.subarray(0, bytesRead) };
  } finally {
    await handle.close();
  }
}

/** The text of a small file of ours; undefined where there is none. */
export const text = async (file: string, most = 256 * 1024): Promise<string | undefined> =>
  (await content(file, most))?.data?.toString();
