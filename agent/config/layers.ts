/**
 * The value of each setting and where it came from: flags over the environment over the file over the fallback. An empty text counts
 * as not set, since that is what `FOO=${FOO}` makes of a missing one. Knows nothing of how settings depend on each other.
 */
import { readTextFile, type ReadFile } from './file.js';
import type { Fields } from './fields.js';
import { readChecked } from './parse.js';
import { refusal, written } from './problems.js';
import { envName, flagName } from './schema.js';
import type { Setting } from './setting.js';
import { isServiceLink } from './unknown-variables.js';

export type Texts = Readonly<Record<string, string | undefined>>;

export interface Inputs {
  readonly env: Texts;
  /** By key: `{ probeInterval: '5s' }`. */
  readonly flags?: Texts;
  readonly readFile?: ReadFile;
  /** It was read before. */
  readonly again?: boolean;
}

export interface Origin {
  readonly from: 'flag' | 'env' | 'file' | 'default' | 'derived';
  /** The flag, the variable, the path of the file, or what it was derived from. */
  readonly name: string;
  /** Of the file that a variable `…_FILE` named. */
  readonly path?: string;
}

export interface Entry {
  readonly value: unknown;
  /** For people; never that of a secret. */
  readonly text: string;
  readonly origin: Origin;
}

export interface Resolved {
  readonly entries: Map<string, Entry>;
  /** Settings whose text was refused. Their entry holds the fallback, so that the rest can be checked. */
  readonly failed: ReadonlySet<string>;
  /** Sentences about required settings that nobody has set. */
  readonly missing: readonly string[];
}

interface Found {
  readonly text: string;
  readonly where: string;
  readonly origin: Origin;
}

/** Adds to `problems`, as `file` does. */
export function resolve(
  rows: Readonly<Record<string, Setting<unknown>>>,
  inputs: Inputs,
  file: Fields | undefined,
  problems: string[],
): Resolved {
  const entries = new Map<string, Entry>();
  const failed = new Set<string>();
  const missing: string[] = [];
  for (const [key, row] of Object.entries(rows)) {
    const before = problems.length;
    const found = fromFlags(key, inputs) ?? fromEnv(key, row, inputs, problems) ?? fromFile(key, row, file);
    const read = found && readChecked(row.grammar, found.text);
    if (found && read && 'value' in read) {
      entries.set(key, { value: read.value, text: row.secret ? '(hidden)' : found.text, origin: found.origin });
      continue;
    }
    if (found && read && 'problem' in read) problems.push(complaint(found, row, read.problem));
    if (problems.length > before) failed.add(key);
    else if (row.required) missing.push(`${envName(key)} (or --${flagName(key)}) is required; accepted: ${row.grammar.accepts}`);
    entries.set(key, { value: fallback(row), text: row.unset, origin: { from: 'default', name: 'default' } });
  }
  return { entries, failed, missing };
}

function fromFlags(key: string, { flags }: Inputs): Found | undefined {
  const text = flags?.[key];
  if (!text) return undefined;
  const name = `--${flagName(key)}`;
  return { text, where: name, origin: { from: 'flag', name } };
}

function fromEnv(
  key: string,
  row: Setting<unknown>,
  { env, readFile = readTextFile }: Inputs,
  problems: string[],
): Found | undefined {
  const name = envName(key);
  const text = env[name];
  const path = row.secret ? env[`${name}_FILE`] : undefined;
  if (!path) return text ? { text, where: name, origin: { from: 'env', name } } : undefined;
  if (text) {
    problems.push(`${name} and ${name}_FILE are both set; one of them is enough`);
    return undefined;
  }
  try {
    const where = `${name}_FILE`;
    return { text: readFile(path, 64 * 1024).trim(), where, origin: { from: 'env', name: where, path } };
  } catch (error) {
    problems.push(`${written(`${name}_FILE`, path)} cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

function fromFile(key: string, row: Setting<unknown>, file: Fields | undefined): Found | undefined {
  const text = file?.text(key, row.grammar);
  return file && text !== undefined ? { text, where: file.name(key), origin: { from: 'file', name: file.where } } : undefined;
}

function complaint({ text, where, origin }: Found, row: Setting<unknown>, problem: string): string {
  if (row.secret) return refusal(`${where} (hidden)`, 'is not accepted', row.grammar);
  const link = origin.from === 'env' && isServiceLink(where, text);
  const service = where
    .replace(/_PORT$/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  const hint = `is what Kubernetes sets for a Service named ${service}: rename that, or set enableServiceLinks: false in the pod`;
  return refusal(written(where, text), link ? hint : problem, row.grammar);
}

function fallback({ grammar, fallback: text }: Setting<unknown>): unknown {
  const read = text === undefined ? undefined : grammar.read(text);
  return read && 'value' in read ? read.value : undefined;
}
