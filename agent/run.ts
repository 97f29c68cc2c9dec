/**
 * `zidecar run`: signals heard from the first moment, and the exit code that is due at the end.
 *
 * Whatever asks a process to end (a supervisor, a key, a terminal that goes away) stops in order (lifecycle.ts), and a second signal ends at
 * once. What only looks like a second one does not: a hang-up comes from the shell and from the kernel, and whoever signals a process as
 * well as its group (timeout, or npm after a Ctrl-C) delivers the same signal twice. Where settings stand in a file and no terminal can go
 * away, a hang-up asks for them to be read again, as daemons have it; the child does not hear of it. With a child, the child's end is our end, and its exit
 * code is ours.
 */
import { constants } from 'node:os';
import type { App } from './app.js';
import type { Clock } from './system.js';

const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;
/** One signal that is delivered twice is so within this time; a person who asks twice takes longer. */
const ECHO_MS = 100;
/** A child that outlives the grace is killed when we exit, and that is how it ended. */
const GRACE_OVER = 128 + constants.signals.SIGKILL;

/**
 * Resolves with the exit code once everything is closed. `exit` ends the process at once, for the second signal. `hangUpReloads`: SIGHUP reads
 * the settings again in place of asking for the end.
 */
export async function runUntilStopped(
  start: () => Promise<App>,
  exit: (code: number) => never,
  clock: Pick<Clock, 'now'>,
  hangUpReloads = false,
): Promise<number> {
  let app: App | undefined;
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && hangUpReloads) return app?.reload?.(signal);
    if (first === undefined) {
      first = { signal, at: clock.now() };
      void app?.stop(signal, signal);
      return;
    }
    const isEcho = signal === first.signal && clock.now() - first.at < ECHO_MS;
    if (signal !== 'SIGHUP' && !isEcho) exit(128 + constants.signals[signal]);
  };
  for (const signal of ENDING) process.on(signal, hear);
  app = await start();
  // one that came while we started has waited until there was something to stop
  if (first !== undefined) void app.stop(first.signal, first.signal);
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
