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
  const stray = straySockets().filter((fd) => fd >= stdio.length);
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

function straySockets(): readonly number[] {
  try {
    return readdirSync(FDS)
      .map(Number)
      .filter((fd) => fd > 2 && isStraySocket(fd));
  } catch {
    return []; // no /proc here
  }
}

function isStraySocket(fd: number): boolean {
  try {
    if (!readlinkSync(`${FDS}/${fd}`).startsWith('socket:')) return false;
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
    return flags !== null && (parseInt(flags[1]!, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // closed since the folder was read
  }
}
