/**
 * Tells that the text of a file is another than before, however it became so: written in place, put there by a rename (editors), or behind
 * a link that points elsewhere now (Kubernetes swaps `..data` beside the file). Its folder is watched, and it is looked at now and then in any
 * case: a link may lead where no watch is, and a file system of the network tells nobody anything.
 */
import { watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../system.js';
import type { ReadFile } from './file.js';

const MOST_BYTES = 1024 * 1024;
/** Who writes in place does so in steps. */
const QUIET_MS = 100;
const LOOK_MS = 10_000;

/** `loaded`: the text as it is known. `changed` is told once for each other text, an unreadable file being one. Call what is returned to stop. */
export function followFile(
  path: string,
  readFile: ReadFile,
  clock: Pick<Clock, 'after' | 'every'>,
  loaded: string | undefined,
  changed: () => void,
): () => void {
  const text = (): string => {
    try {
      return readFile(path, MOST_BYTES);
    } catch (error) {
      return `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    }
  };
  let last = loaded ?? text();
  const look = (): void => {
    const now = text();
    if (now === last) return;
    last = now;
    changed();
  };
  let cancel = (): void => undefined;
  const soon = (): void => {
    cancel();
    cancel = clock.after(QUIET_MS, look);
  };
  soon(); // it may have changed since it was loaded
  const stopLooking = clock.every(LOOK_MS, look);
  let stopWatching = (): void => undefined;
  try {
    const watcher = watch(dirname(path), { persistent: false }, soon);
    watcher.on('error', () => watcher.close()); // the folder has gone, or there are no watches left: the slow look remains
    stopWatching = () => watcher.close();
  } catch {
    // as above
  }
  return () => {
    cancel();
    stopLooking();
    stopWatching();
  };
}
