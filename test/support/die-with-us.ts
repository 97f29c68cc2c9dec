import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Whatever ends this process takes the child with it, frozen or not; except a SIGKILL, which nobody can hear. The child does not keep this
 * process alive either: a test that failed half way leaves it behind, and the runner would wait for ever. Wait for it with `holding`.
 */
export function dieWithUs(child: ChildProcess, kill = (): void => void child.kill('SIGKILL')): void {
  process.setMaxListeners(0); // one listener a child, and tests have many
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  child.unref();
  child.channel?.unref();
  for (const stream of [child.stdout, child.stderr] as (Socket | null)[]) stream?.unref();
}

/** Keeps this process alive until it settles. */
export async function holding<T>(promise: Promise<T>): Promise<T> {
  const alive = setInterval(() => undefined, 60_000);
  try {
    return await promise;
  } finally {
    clearInterval(alive);
  }
}
