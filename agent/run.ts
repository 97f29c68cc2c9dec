/**
 * `zidecar run`: signals heard from the first moment, and the exit code that is due at the end.
 *
 * Whatever asks a process to end (a supervisor, a key, a terminal that goes away) stops in order (lifecycle.ts), and a second signal ends at
 * once. A hang-up never is that second one: it comes twice by itself, from the shell and from the kernel. With a child, the child's
 * end is our end, and its exit code is ours.
 */
import { constants } from 'node:os';
import type { App } from './app.js';

const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
/** A child that outlives the grace is killed when we exit, and that is how it ended. */
const GRACE_OVER = 128 + constants.signals.SIGKILL;

/** Resolves with the exit code once everything is closed. `exit` ends the process at once, for the second signal. */
export async function runUntilStopped(start: () => Promise<App>, exit: (code: number) => never): Promise<number> {
  let app: App | undefined;
  let heard: NodeJS.Signals | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    if (heard !== undefined && signal !== 'SIGHUP') exit(128 + constants.signals[signal]);
    heard ??= signal;
    void app?.stop(heard, heard);
  };
  for (const signal of ENDING) process.on(signal, hear);
  app = await start();
  // one that came while we started has waited until there was something to stop
  if (heard !== undefined) void app.stop(heard, heard);
  const stopPassing = app.child?.passSignals();
  try {
    if (app.child === undefined) {
      await app.stopped;
      return 0;
    }
    const code = await Promise.race([app.child.ended, app.stopped.then(() => GRACE_OVER)]);
    await app.childEnded(`the app has ended with ${code}`);
    return code;
  } finally {
    stopPassing?.();
    for (const signal of ENDING) process.off(signal, hear);
  }
}
