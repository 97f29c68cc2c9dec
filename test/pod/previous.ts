/**
 * The release before this one, built from its sources in a folder of its own with the packages that are installed here. There is none yet:
 * until 0.1.0 is tagged, an early commit of the main line stands for it. After a release, name its tag.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { holding } from '../support/die-with-us.js';

export const PREVIOUS = '081f6d1';

const run = promisify(execFile);

/** Why it cannot be built here; undefined where it can. */
export function cannotBuild(): string | undefined {
  try {
    execFileSync('git', ['cat-file', '-e', `${PREVIOUS}^{commit}`], { stdio: 'ignore' });
    return undefined;
  } catch {
    const why = `the sources of ${PREVIOUS} are not here: git fetch --unshallow`;
    if (process.env['CI']) throw new Error(why);
    console.error(`\n*** SKIPPED, ${why} ***\n`);
    return why;
  }
}

/** Its main.js. Built once, and kept in .build until the constant changes. */
export async function previousProgram(): Promise<string> {
  const folder = resolve('.build', `zidecar-${PREVIOUS}`);
  const program = join(folder, 'dist/agent/main.js');
  if (existsSync(program)) return program;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await holding(
    run('sh', ['-c', `git archive ${PREVIOUS} agent lb health deploy package.json tsconfig.json | tar -x -C ${folder}`]),
  );
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const tsc = [resolve('node_modules/typescript/bin/tsc'), '-p', join(folder, 'tsconfig.json'), '--noEmitOnError', 'false'];
  // its types may not be those of today's packages; that it runs is what counts
  await holding(run(process.execPath, tsc, { cwd: folder })).catch(() => undefined);
  if (!existsSync(program)) throw new Error(`${PREVIOUS} could not be built in ${folder}`);
  return program;
}
