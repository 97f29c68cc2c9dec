/** Runs kubectl with our own streams, and ends as it ends. Ctrl-C reaches it by itself, as it is in the same group. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const NO_KUBECTL = 69;

/** Resolves with its exit code, or 128 and the number of the signal that ended it. */
export function kubectl(args: readonly string[], complain: (text: string) => void): Promise<number> {
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  return new Promise<number>((resolve) => {
    const child = spawn('kubectl', args, { stdio: 'inherit' });
    child.once('error', (error: NodeJS.ErrnoException) => {
      complain(
        error.code === 'ENOENT' ? 'zidecar: kubectl is not on the PATH' : `zidecar: kubectl cannot be run: ${error.message}`,
      );
      resolve(NO_KUBECTL);
    });
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => process.off('SIGINT', ignore));
}
