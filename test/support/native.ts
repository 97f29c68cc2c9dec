/** Whether the package `zookeeper` can be loaded by this Node: it was compiled, and for it. */
import { execFileSync } from 'node:child_process';

let built: boolean | undefined;

/** Asked in a process of its own, since the package belongs to whoever loads it. Without it only our own client is tested, and that is said loudly. */
export function isNativeBuilt(): boolean {
  if (built !== undefined) return built;
  try {
    execFileSync(process.execPath, ['--eval', "require('zookeeper')"], { stdio: 'ignore' });
    built = true;
  } catch {
    console.error(
      `\n*** the native client is not built for Node ${process.versions.node}: the wire client alone is tested ***\n`,
    );
    built = false;
  }
  return built;
}
