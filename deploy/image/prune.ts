/**
 * Cuts a production install down to what the image needs, in place: `node prune.js FOLDER`, where FOLDER holds package-lock.json and
 * node_modules. Packages that the program never loads go, and of the others what no program loads: tests, docs, types, source maps, and
 * all of the addon's sources. Licences stay.
 */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packagesAtRunTime, type Lock } from './packages.js';

const unread = /\.(md|markdown|map|ts|mts|cts|tsbuildinfo)$/;
const licence = /licen[cs]e|notice|copying/i;
/** Folders at the top of a package. */
const aside = /^(\.github|test|tests|docs|examples|benchmark|benchmarks|bench|fuzz|coverage)$/;
/** Packages of which only a part is needed. */
const parts: Readonly<Record<string, RegExp>> = {
  zookeeper: /^(package\.json|LICENSE-MIT\.txt|lib\/.*|build\/Release\/zookeeper\.node)$/,
};

/** Files and folders of one package that go, as paths in it. */
function superfluous(package_: string, path: string): boolean {
  if (parts[package_]) return !parts[package_].test(path);
  return (unread.test(path) && !licence.test(path)) || aside.test(path.split('/')[0]!);
}

function prune(folder: string): void {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Lock;
  const kept = packagesAtRunTime(lock);
  const modules = join(folder, 'node_modules');
  const isPackage = (path: string): boolean => /^(@[^/]+\/)?[^/@][^/]*$/.test(path.split('node_modules/').at(-1)!);
  const walk = (path: string, package_: string, inside: string): void => {
    for (const name of readdirSync(join(modules, path))) {
      const here = path === '' ? name : `${path}/${name}`;
      const full = join(modules, here);
      const within = inside === '' ? name : `${inside}/${name}`;
      const isFolder = statSync(full).isDirectory();
      if (name === 'node_modules') walk(here, '', '');
      else if (package_ === '' && name.startsWith('@')) walk(here, '', '');
      else if (package_ === '' && isFolder && kept.has(here) && isPackage(here)) walk(here, here, '');
      else if (package_ === '') rmSync(full, { recursive: true });
      else if (isFolder && !aside.test(within)) walk(here, package_, within);
      else if (superfluous(package_, within)) rmSync(full, { recursive: true });
      if (isFolder && isEmpty(full)) rmSync(full, { recursive: true });
    }
  };
  walk('', '', '');
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false; // it has gone already
  }
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('which folder? node prune.js FOLDER');
prune(folder);
