/**
 * The files that the image would hold, put together on this machine by the same program as in the Dockerfile: a copy of the installed
 * packages that are not for development, cut down by deploy/image/prune.ts, beside the built program.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Lock } from '../../../deploy/image/packages.js';

const root = process.cwd();
export const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock & {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
};

/** Makes what the image has as /opt/zidecar. */
export function makeProgram(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (path === '' || dev || path.lastIndexOf('node_modules/') > 0) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    execFileSync('cp', ['-a', join(root, path), join(folder, path)]);
  }
  for (const name of ['package.json', 'package-lock.json', 'LICENSE']) cpSync(join(root, name), join(folder, name));
  execFileSync(process.execPath, [join(root, 'dist/deploy/image/prune.js'), folder]);
  for (const part of ['agent', 'lb', 'health', 'deploy'])
    cpSync(join(root, 'dist', part), join(folder, 'dist', part), { recursive: true });
  rmSync(join(folder, 'dist/deploy/image'), { recursive: true });
  rmSync(join(folder, 'package-lock.json'));
}
