/**
 * `zidecar run`: signals heard from the first moment, and the exit code that is due at the end.
 *
 * The first SIGTERM or SIGINT stops in order (lifecycle.ts), the second ends at once. With a child, the child's end is our end, and its exit
 * code is ours.
 */
import { constants } from 'node:os';
import type { App } from './app.js';

const STOPPING = ['SIGTERM', 'SIGINT'] as const;
/** A child that outlives the grace is killed when we exit, and that is how it ended. */
const GRACE_OVER = 128 + constants.signals.SIGKILL;

/** Resolves with the exit code once everything is closed. `exit` ends the process at once, for the second signal. */
export async function runUntilStopped(start: () => Promise<App>, exit: (code: number) => never): Promise<number> {
  let app: App | undefined;
  let heard: NodeJS.Signals | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    if (heard !== undefined) exit(128 + constants.signals[signal]);
    heard = signal;
    void app?.stop('SIGTERM', signal);
  };
  for (const signal of STOPPING) process.on(signal, hear);
  app = await start();
  // one that came while we started has waited until there was something to stop
  if (heard !== undefined) void app.stop('SIGTERM', heard);
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
    for (const signal of STOPPING) process.off(signal, hear);
  }
}
