/** What goes into production is on a list, is used, and does not grow unseen. */
import { deepEqual, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { packagesAtRunTime } from '../../../deploy/image/packages.js';
import { contents } from './contents.js';
import { lock } from './tree.js';

const folder = mkdtempSync(join(tmpdir(), 'zidecar-loaded-'));
after(() => rmSync(folder, { recursive: true }));

/** Loaded by pino when a transport lives in a worker, or when it has something to warn of: never so far. */
const lazy = ['process-warning', 'real-require'];

/** Packages of which a file was loaded, as Node's own coverage tells, when every module of ours is imported. */
function loaded(): Set<string> {
  const modules = ['agent', 'lb', 'health', 'deploy'].flatMap((part) =>
    readdirSync(join('dist', part), { recursive: true, encoding: 'utf8' }).map((name) => join(process.cwd(), 'dist', part, name)),
  );
  const program = modules.filter((name) => name.endsWith('.js') && !/(main|live|prune)\.js$/.test(name));
  // what our modules import only when they need it; the addon's name stands in a constant there
  const lazily = program.flatMap((name) =>
    Array.from(readFileSync(name, 'utf8').matchAll(/\bimport\('([^'.][^']*)'\)/g), ([, wanted]) => wanted!),
  );
  const script = join('dist', `load-${process.pid}.mjs`); // packages are found from here, not from the temporary folder
  const all = [...program, ...lazily.filter((name) => !name.startsWith('node:')), 'zookeeper'];
  writeFileSync(script, all.map((name) => `await import(${JSON.stringify(name)});`).join('\n'));
  const run = spawnSync(process.execPath, [script], { env: { ...process.env, NODE_V8_COVERAGE: folder }, encoding: 'utf8' });
  rmSync(script);
  ok(run.status === 0, run.stderr);
  const urls = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }).result)
    .map(({ url }) => url);
  return new Set(
    urls.flatMap(
      (url) => /\/node_modules\/(.*node_modules\/)?(@[^/]+\/)?[^/]+/.exec(url)?.[0].slice('/node_modules/'.length) ?? [],
    ),
  );
}

describe('the production install', () => {
  it('holds the packages on the list, in the sizes on the list, and no other', () => {
    const rows = (text: string): [string, number][] =>
      [...text.matchAll(/^\| (.*) \| \D*(\d+)\D* \|$/gm)].map(([, name, size]) => [name!, Number(size)]);
    const [now, written] = [rows(contents()), rows(readFileSync('deploy/image/CONTENTS.md', 'utf8'))];
    const hint = 'deploy/image/CONTENTS.md is not what package-lock.json installs: look at what came in, then npm run docs';
    deepEqual(
      now.map(([name]) => name),
      written.map(([name]) => name),
      hint,
    );
    // the addon's size is the compiler's affair; a package that doubles is ours
    for (const [index, [name, size]] of now.entries()) ok(size <= 1.2 * written[index]![1] + 10, `${name}: ${size} KiB. ${hint}`);
  });

  it('has nothing in it that is never loaded', () => {
    const used = loaded();
    deepEqual(
      [...packagesAtRunTime(lock).keys()].filter((path) => !used.has(path)),
      lazy,
    );
  });
});
