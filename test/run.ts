/**
 * Runs the tests with node's own runner, one process a file (the ZooKeeper addon must live in a main thread of its own).
 * `npm test` runs all but the long ones, `npm run test:long` those too; words after `--` keep the files whose path holds one.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const built = dirname(fileURLToPath(import.meta.url));
const sources = join(built, '../../test'); // a file whose source is gone may still lie among the built ones
const long = process.argv.includes('--long');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && (long || !name.endsWith('.long.test.ts')))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .map((name) => relative(process.cwd(), join(built, name.replace(/ts$/, 'js'))))
  .sort();

if (files.length === 0) {
  console.error(`no test file matches ${words.join(' ')}`);
  process.exitCode = 1;
} else {
  // the long run looks for what the fixed seed of the short one does not find
  const SEED = process.env['SEED'] ?? (long ? String(Date.now() % 2 ** 31) : undefined);
  if (SEED !== undefined) console.log(`SEED=${SEED}`);
  // many of them wait most of their time: for a session to end, a server to come back
  const concurrency = availableParallelism() + 2;
  const options = ['--test-reporter=spec', `--test-concurrency=${concurrency}`, `--test-timeout=${long ? 3_600_000 : 600_000}`];
  const runner = spawn(process.execPath, ['--test', ...options, ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...(SEED !== undefined && { SEED }) },
  });
  runner.on('exit', (code) => (process.exitCode = code ?? 1));
}
