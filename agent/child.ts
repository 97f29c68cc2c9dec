/**
 * The app as our child: `zidecar run -- CMD…` starts it, passes signals on and takes over its exit code.
 *
 * The child leads a session of its own. A Ctrl-C, a closed terminal and a `kill` of our process group would otherwise reach it at once,
 * while peers still call it; so it hears of an end only from us, and only after the withdrawal (lifecycle.ts). It keeps our terminal
 * as its input and output, but not as the terminal that controls it: what that would have done is done here, the size of the window and
 * Ctrl-Z included. A group within our session would be stopped at its first read; handing the terminal over to it would cost us the keys.
 *
 * It is not left behind: whatever ends this process takes the child and its group with it, except a SIGKILL, which nobody can hear.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Emit } from './events.js';
import { withoutOurSockets } from './inherited.js';

/** Passed on as they come. What asks for an end is not: see run.ts. */
const PASSED = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
/** A terminal tells these to the whole group in the foreground. */
const OF_A_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH'];
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** The system says of a missing interpreter what it says of a missing file. */
const whyMissing = (command: string): string =>
  command.includes('/') && existsSync(command)
    ? 'it is there, but the interpreter in its first line, or the loader that it was linked for, is not'
    : 'there is no such file, here or in PATH';

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
        const advice = missing ? whyMissing(command) : (error as Error).message;
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

  /** Sends a signal, to its whole group where a terminal would have; nothing happens when the child has ended. */
  signal(name: NodeJS.Signals, onTerminal = isatty(0)): void {
    this.#tell(name, onTerminal && OF_A_TERMINAL.includes(name));
  }

  /** Passes on what this process is sent from now on, until the returned function is called. */
  passSignals(): () => void {
    const pass = (name: NodeJS.Signals): void => this.signal(name);
    const rest = (): void => {
      this.#tell('SIGSTOP', true); // SIGTSTP does nothing in a session without a shell
      process.kill(process.pid, 'SIGSTOP');
    };
    const goOn = (): void => this.#tell('SIGCONT', true);
    for (const name of PASSED) process.on(name, pass);
    process.on('SIGTSTP', rest).on('SIGCONT', goOn);
    return () => {
      for (const name of PASSED) process.off(name, pass);
      process.off('SIGTSTP', rest).off('SIGCONT', goOn);
    };
  }

  #tell(name: NodeJS.Signals, group: boolean): void {
    const { pid, exitCode, signalCode } = this.#process ?? {};
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      process.kill(group ? -pid : pid, name);
    } catch {
      // it has ended, and its end is on its way to us
    }
  }

  #run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<[number | null, NodeJS.Signals | null]> {
    return new Promise((resolve, reject) => {
      // throws what the system refuses before it looks for the file
      const started = withoutOurSockets(['inherit', 'inherit', 'inherit'], (stdio) =>
        spawn(command, args, { env, stdio, detached: true }),
      );
      this.#process = started;
      const kill = (): void => this.#tell('SIGKILL', true); // we are gone in a moment, nobody could ask twice
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
