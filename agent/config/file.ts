/**
 * The YAML file of settings, from its path to a Map. Scalars stay the texts that they were written as, so that `007`, `on` and `1e3`
 * mean the same as in a variable. Hostile files cost no more than honest ones: size, depth and count are bounded before the tree is
 * built (the parser's own recursion would end the process), aliases are refused, and keys never become properties.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { atOnce, type Pieces } from '../in-turns.js';
import { quote } from '../printable.js';

/** Of no use to those who have no file, and 3 MB to each pod. */
const loadYaml = (): typeof Yaml => createRequire(import.meta.url)('yaml') as typeof Yaml;

/** The text of a file, or an error that says why not. Never reads more than `mostBytes`. */
export type ReadFile = (path: string, mostBytes: number) => string;

export const readTextFile: ReadFile = (path, mostBytes) => {
  const file = openSync(path, 'r');
  try {
    const room = Buffer.alloc(mostBytes + 1);
    let size = 0;
    for (let got = 1; got > 0 && size < room.length; size += got) got = readSync(file, room, size, room.length - size, null);
    if (size > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(room.subarray(0, size));
  } finally {
    closeSync(file);
  }
};

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 16;
const MAX_TOKENS = 100_000;
/** Tokens that are looked at in one go. */
const PIECE = 64;

export type Read = { readonly root: ReadonlyMap<unknown, unknown> } | { readonly problems: readonly string[] };

/**
 * Never throws. An empty file has no settings; `again`, beside a process that runs, it is refused, since it is what a writer in place leaves
 * for a moment between two good ones, and would take every setting back.
 */
export const readConfigFile = (path: string, readFile: ReadFile, again = false): Read => atOnce(reading(path, readFile, again));

/** The same in pieces: a file may name hundreds of peers. */
export function* reading(path: string, readFile: ReadFile, again: boolean): Pieces<Read> {
  const name = `ZIDECAR_CONFIG=${quote(path, 200)}`;
  try {
    const text = readFile(path, MAX_BYTES);
    const yaml = loadYaml();
    yield;
    const tooMuch = yield* excess(text, yaml);
    if (tooMuch !== undefined) return { problems: [`${name} ${tooMuch}`] };
    yield;
    const lines = new yaml.LineCounter();
    const document = yaml.parseDocument(text, { schema: 'failsafe', stringKeys: true, uniqueKeys: false, lineCounter: lines });
    const wrong = [...document.errors, ...document.warnings].map(inWords);
    yield;
    wrong.push(...repeated(document, lines, yaml));
    if (wrong.length > 0) return { problems: wrong.slice(0, 10).map((what) => `${name} is not YAML: ${what}`) };
    yield;
    const root: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 0 });
    if (root === null || root === '')
      return again
        ? { problems: [`${name} is empty: nothing changes; write {} where no setting is meant`] }
        : { root: new Map() };
    return root instanceof Map ? { root } : { problems: [`${name} is not a map of settings, such as "weight: 5"`] };
  } catch (error) {
    return { problems: [`${name} cannot be read: ${reason(error)}`] };
  }
}

/** What is too much in the text; undefined when all is within bounds. */
function* excess(text: string, { Lexer, Parser }: typeof Yaml): Pieces<string | undefined> {
  const parser = new Parser();
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    Array.from(parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) return `is nested more than ${MAX_DEPTH} deep`;
    if (++tokens > MAX_TOKENS) return `has more than ${MAX_TOKENS} tokens`;
    if (tokens % PIECE === 0) yield;
  }
  return undefined;
}

/** The parser's words, but where these are for a programmer. */
const inWords = ({ message }: Yaml.YAMLError): string =>
  message
    .split('\n')[0]!
    .replace(/:$/, '')
    .replace(/^Source contains multiple documents.*(?= at line)/, 'there may be one document, and another begins');

/** Keys that stand twice in their map. The parser's own check compares each with each, which takes minutes for a file of a megabyte. */
function repeated(document: Yaml.Document.Parsed, lines: Yaml.LineCounter, { isScalar, visit }: typeof Yaml): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const { line, col } = lines.linePos(key.range?.[0] ?? 0);
        if (seen.has(key.value))
          found.push(`the key ${quote(String(key.value))} stands twice, again at line ${line}, column ${col}`);
        seen.add(key.value);
      }
    },
  });
  return found;
}

/** Why a file cannot be read, for a person. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof ReferenceError) return 'aliases (*name) are not accepted';
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'this user may not read it',
    EISDIR: 'it is a folder',
    ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8',
  };
  return known[code ?? ''] ?? message;
}
