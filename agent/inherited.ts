/**
 * What a child of ours must not inherit. The sockets of the native ZooKeeper client are not marked close-on-exec, and nothing in Node can
 * mark them. A child that holds such a socket keeps the connection from ever ending: the servers do not hear that we are gone, and
 * in this process the event loop is woken for the dead socket for ever, under the number of the next one, so that no reconnect succeeds.
 *
 * So a child is given /dev/null under each of those numbers instead. Linux only: elsewhere nothing is found, and nothing done.
 */
import { closeSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';

export type Stdio = 'inherit' | 'ignore' | 'pipe' | 'ipc' | number;

const CLOSE_ON_EXEC = 0o2000000;
const FDS = '/proc/self/fd';

/** Spawns with the child's `stdio` (its first numbers), and with none of our sockets above them. `spawn` must do so before it returns. */
export function withoutOurSockets<T>(stdio: readonly Stdio[], spawn: (stdio: Stdio[]) => T): T {
  const stray = openNumbers().filter((fd) => fd >= stdio.length && socketAt(fd) !== undefined && isInherited(fd));
  if (stray.length === 0) return spawn([...stdio]);
  const nothing = openSync('/dev/null', 'r+');
  try {
    const above = Array.from({ length: Math.max(...stray) + 1 - stdio.length }, (_, index): Stdio => {
      return stray.includes(index + stdio.length) ? nothing : 'ignore'; // above 2, ignore means: as it is
    });
    return spawn([...stdio, ...above]);
  } finally {
    closeSync(nothing);
  }
}

/** Of all that this process has open above its standard streams. */
export function openNumbers(): readonly number[] {
  try {
    return readdirSync(FDS)
      .map(Number)
      .filter((fd) => fd > 2);
  } catch {
    return []; // no /proc here
  }
}

/** The name of the socket that has this number; no other is ever called so. Undefined where it is no socket. */
export function socketAt(fd: number): string | undefined {
  try {
    const name = readlinkSync(`${FDS}/${fd}`);
    return name.startsWith('socket:') ? name : undefined;
  } catch {
    return undefined; // closed since somebody looked
  }
}

/** It lacks that mark. */
export function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
    return flags !== null && (parseInt(flags[1]!, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false;
  }
}
