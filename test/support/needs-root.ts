/** Why tests that make namespaces, or another root folder, cannot run here; undefined where they can. In CI that is a failure, not a reason. */
import { execFileSync } from 'node:child_process';

export function needsRoot(...programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => {
    try {
      execFileSync('which', [program], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  const why =
    process.getuid?.() === 0
      ? missing.length > 0 && `missing here: ${missing.join(', ')} (apt-get install -y iproute2 nftables)`
      : 'only root may do this';
  if (why === false) return undefined;
  if (process.env['CI']) throw new Error(why);
  console.error(`\n*** SKIPPED, ${why} ***\n`);
  return why;
}
