/** Why a test cannot run here: a program that is not installed, or no right to make namespaces. In CI that is a failure, not a reason. */
import { execFileSync } from 'node:child_process';

/** Undefined where they are all there. `from`: the package of Debian. */
export function needsProgram(program: string, from = program): string | undefined {
  try {
    execFileSync('which', [program], { stdio: 'ignore', env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
    return undefined;
  } catch {
    return lacking(`no ${program} here: apt-get install -y ${from}`);
  }
}

/** For tests that make network namespaces or enter another root folder. */
export function needsRoot(): string | undefined {
  if (process.getuid?.() !== 0) return lacking('only root may make namespaces');
  return needsProgram('ip', 'iproute2') ?? needsProgram('nft', 'nftables') ?? needsProgram('nsenter', 'util-linux');
}

function lacking(why: string): string {
  if (process.env['CI']) throw new Error(why);
  console.error(`\n*** SKIPPED, ${why} ***\n`);
  return why;
}
