/** The C programs of native/: compiled when they are needed and have changed, into a folder that git does not see. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const sources = (name: string): string[] => [path(`test/bench/native/${name}.c`), path('test/bench/native/common.h')];

/** Where everything goes that a run leaves behind. */
export const scratch = path('.build/bench');

export function compiler(): string | undefined {
  try {
    return execFileSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** The path of the program. */
export function compile(name: 'backend' | 'load' | 'forward'): string {
  mkdirSync(scratch, { recursive: true });
  const program = `${scratch}/${name}`;
  const made = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources(name).some((source) => statSync(source).mtimeMs > made)) {
    execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', program, sources(name)[0]!], { stdio: 'inherit' });
  }
  return program;
}
