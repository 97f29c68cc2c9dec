import type { ChildProcess } from 'node:child_process';

/** Whatever ends this process takes the child with it, frozen or not; except a SIGKILL, which nobody can hear. */
export function dieWithUs(child: ChildProcess): void {
  const kill = (): void => void child.kill('SIGKILL');
  process.setMaxListeners(0); // one listener a child, and tests have many
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
}
