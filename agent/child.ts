/**
 * The app as our child: `zidecar run -- CMD…` starts it, passes signals on and takes over its exit code.
 *
 * The child stays in our process group and keeps our terminal, so that it can be used by hand as if we were not there. A Ctrl-C
 * (or Ctrl-\) is therefore given by the terminal to both of us, and passing it on as well would be a second one, which many
 * programs take for "at once". A group of its own would spare us the question, but cost the child its terminal.
 *
 * It is not left behind: whatever ends this process takes the child with it, except a SIGKILL, which nobody can hear.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Emit } from './events.js';
import { withoutOurSockets } from './inherited.js';

/** Passed on as they come. SIGTERM is not: the child hears it only after peers know that it goes, see lifecycle.ts. */
const PASSED = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
/** What a key of the terminal sends to everybody in the group. */
const TYPED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

export class Child {
  /** The child's exit code; 128 and the number of the signal that ended it; 127 when there is no such command, 126 when it cannot run. */
  readonly ended: Promise<number>;
  #process: ChildProcess | undefined;

  private constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv, emit: Emit) {
    this.ended = this.#run(command, args, env).then(
      ([code, signal]) => {
        const all = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
        emit({ kind: 'child_ended', code: all, ...(signal && { signal }) });
        return all;
      },
      (error: unknown) => {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        const advice = missing ? 'there is no such file, here or in PATH' : (error as Error).message;
        emit({ kind: 'warned', why: `cannot start ${JSON.stringify(command)}: ${advice}` });
        return missing ? NOT_FOUND : NOT_EXECUTABLE;
      },
    );
    if (this.#process?.pid !== undefined) emit({ kind: 'child_started', command, pid: this.#process.pid });
  }

  /** Starts it with our standard input and output. Never throws: a command that cannot be started has ended, with 127 or 126. */
  static start(command: string, args: readonly string[], env: NodeJS.ProcessEnv, emit: Emit): Child {
    return new Child(command, args, env, emit);
  }

  /** Sends a signal; nothing happens when the child has ended. */
  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Passes on what this process is sent from now on, until the returned function is called. */
  passSignals(onTerminal = isatty(0)): () => void {
    const pass = (name: NodeJS.Signals): void => {
      if (!(onTerminal && TYPED.includes(name))) this.signal(name);
    };
    for (const name of PASSED) process.on(name, pass);
    return () => {
      for (const name of PASSED) process.off(name, pass);
    };
  }

  #run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<[number | null, NodeJS.Signals | null]> {
    return new Promise((resolve, reject) => {
      // throws what the system refuses before it looks for the file
      const started = withoutOurSockets(['inherit', 'inherit', 'inherit'], (stdio) => spawn(command, args, { env, stdio }));
      this.#process = started;
      const kill = (): void => void started.kill('SIGKILL'); // we are gone in a moment, nobody could ask twice
      started.on('spawn', () => process.on('exit', kill));
      started.on('error', (error) => {
        if (started.pid === undefined) reject(error); // else a signal could not be sent, and it is still there
      });
      started.on('exit', (code, signal) => {
        process.off('exit', kill);
        resolve([code, signal]);
      });
    });
  }
}
