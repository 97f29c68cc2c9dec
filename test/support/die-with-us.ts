import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { constants } from 'node:os';

const ENDING = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
let hears = false;

/** A signal ends a process without its `exit`; the runner sends one when its time is over. Who listens himself ends as he likes. */
function exitBySignals(): void {
  if (hears) return;
  hears = true;
  for (const signal of ENDING)
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
}

/**
 * Whatever ends this process takes the child with it, frozen or not; except a SIGKILL, which nobody can hear. The child does not keep this
 * process alive either: a test that failed half way leaves it behind, and the runner would wait for ever. Wait for it with `holding`.
 */
export function dieWithUs(child: ChildProcess, kill = (): void => void child.kill('SIGKILL')): void {
  exitBySignals();
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
