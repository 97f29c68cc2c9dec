/**
 * `zidecar inject`: manifests from files, folders or the standard input; to the standard output the same with sidecars, or the
 * difference; to the standard error what was done and what was left, and why. What is wrong leaves its pod as it was and makes the exit
 * code 1: whoever pipes into `kubectl apply` sees it by `set -o pipefail`.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { printable, quote } from '../../agent/printable.js';
import { inject, type InjectOptions } from './inject.js';
import { changePart, parts, unwantedNamespaces, type Remark, type Transform } from './manifest.js';
import { unifiedDiff } from './text-diff.js';
import { uninject } from './uninject.js';

export interface InjectCommand {
  /** Files and folders; `-` or none is the standard input. */
  readonly paths: readonly string[];
  readonly uninject: boolean;
  readonly diff: boolean;
  readonly options: InjectOptions;
}

export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

interface Input {
  readonly name: string;
  readonly text: string;
}

const MOST_BYTES = 16 * 1024 * 1024;
const BAD_PATH = 64;

/** Resolves with the exit code. */
export async function runInject(command: InjectCommand, { stdin, print, complain }: Streams): Promise<number> {
  let inputs: readonly Input[];
  try {
    inputs = await readAll(command.paths, stdin);
  } catch (error) {
    complain(`zidecar: ${(error as Error).message}`);
    return BAD_PATH;
  }
  const transform: Transform = command.uninject ? uninject : (pod, workload) => inject(pod, workload, command.options);
  const all = inputs.map(({ name, text }) => ({ name, text, parts: parts(text) }));
  const unwanted = unwantedNamespaces(all.flatMap((input) => input.parts));
  let wrong = false;
  let out = '';
  for (const input of all) {
    const done = input.parts.map((part) => changePart(part, transform, unwanted));
    const text = done.map((part) => part.text).join('');
    out += command.diff ? unifiedDiff(input.name, input.text, text) : following(out, text);
    const remarks = done.flatMap((part) => part.remarks);
    for (const remark of remarks) complain((all.length > 1 ? `${printable(input.name)}: ` : '') + sentence(remark));
    wrong ||= remarks.some(({ kind }) => kind === 'wrong');
  }
  print(out);
  return wrong ? 1 : 0;
}

/** Files that are one after the other become documents that are. */
function following(out: string, text: string): string {
  if (out === '') return text;
  const separated = /^\s*(#[^\n]*\n\s*)*---(\s|$)/.test(text);
  return `${out.endsWith('\n') ? '' : '\n'}${separated ? '' : '---\n'}${text}`;
}

function sentence({ kind, about, text }: Remark): string {
  const of = printable(about, 300);
  const what = printable(text, 1000);
  switch (kind) {
    case 'injected':
    case 'uninjected':
      return `${of} ${kind}${what === '' ? '' : `: ${what}`}`;
    case 'note':
      return `${of}: ${what}`;
    case 'left':
    case 'wrong':
      return `${of} left as it was: ${what}`;
  }
}

async function readAll(paths: readonly string[], stdin: NodeJS.ReadStream): Promise<readonly Input[]> {
  const found: Input[] = [];
  for (const path of paths.length === 0 ? ['-'] : paths) {
    if (path === '-') found.push({ name: 'standard input', text: await readStdin(stdin) });
    else found.push(...filesIn(path).map((file) => ({ name: file, text: readFile(file) })));
  }
  return found;
}

async function readStdin(stdin: NodeJS.ReadStream): Promise<string> {
  if (stdin.isTTY) throw new Error('inject reads manifests from files, folders or the standard input: zidecar inject app.yaml');
  const bytes = await buffer(stdin);
  try {
    return decoded(bytes);
  } catch (error) {
    throw new Error(`the standard input cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function readFile(path: string): string {
  try {
    return decoded(readFileSync(path));
  } catch (error) {
    throw new Error(`${quote(path, 200)} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** A byte order mark is kept, as all else is. */
function decoded(bytes: Buffer): string {
  if (bytes.length > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Error('it is not UTF-8', { cause: error });
  }
}

/** A folder stands for the manifests in it, whatever the depth, in the order of their names. */
function filesIn(path: string): readonly string[] {
  let folder;
  try {
    folder = statSync(path).isDirectory();
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(`${quote(path, 200)} cannot be read: ${absent ? 'there is no such file' : (error as Error).message}`, {
      cause: error,
    });
  }
  if (!folder) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .map((name) => join(path, name))
    .sort();
  if (files.length === 0) throw new Error(`${quote(path, 200)} has no manifests in it: files that end with .yaml, .yml or .json`);
  return files;
}
