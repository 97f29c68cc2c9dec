/** Another Node than the one that runs the benchmark: the npm package `node` carries its binary. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { scratch } from '../native.js';

const folder = `${scratch}/node24`;
export const path = `${folder}/node_modules/node/bin/node`;

export const missing = (): string | undefined =>
  existsSync(path) ? undefined : 'Node 24 is not here: npm install --no-save --prefix .build/bench/node24 node@24';

export const version = (): string => execFileSync(path, ['--version'], { encoding: 'utf8' }).trim().slice(1);
