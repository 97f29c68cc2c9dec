/** The table of what the image holds, for CONTENTS.md. Sizes are of the files after pruning, in KiB, as this machine has them. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagesAtRunTime } from '../../../deploy/image/packages.js';
import { lock, makeProgram } from './tree.js';

export function contents(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-contents-'));
  try {
    makeProgram(folder);
    const rows = Array.from(packagesAtRunTime(lock), ([path, { version = '', license = '' }]) => {
      const name = path.replaceAll('/node_modules/', ' > ');
      return { text: `${name} ${version} (${license})`, bytes: bytesOf(join(folder, 'node_modules', path)) };
    });
    const total = rows.reduce((sum, { bytes }) => sum + bytes, 0);
    const table = rows.map(({ text, bytes }) => `| ${text} | ${kib(bytes)} |`);
    return `${HEAD}\n${table.join('\n')}\n| **all of it** | **${kib(total)}** |\n`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const HEAD = `# What the image holds

Beside Node, zidecar's own half a megabyte and the files of \`gcr.io/distroless/cc-debian12\`. \`npm run docs\` writes this list; a test fails when anything comes in
that is not on it, when something on it is never loaded, or when the size grows.

| package | KiB |
|---|---:|`;

const kib = (bytes: number): string => String(Math.ceil(bytes / 1024));

/** Of the files in it, without the packages below it. */
function bytesOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return sum + statSync(path).size;
    return entry.name === 'node_modules' ? sum : sum + bytesOf(path);
  }, 0);
}
