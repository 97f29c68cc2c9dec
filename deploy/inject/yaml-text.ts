/**
 * Changes written into the text of a YAML document, so that everything else stays as its author wrote it, to the byte: comments, order,
 * quotation marks, line ends. Lines are put in or taken out (yaml-lines.ts); the result is parsed again and has to
 * mean what was meant. Where that fails (the pod is shared by aliases, say) the tree itself is changed and written anew, which keeps
 * comments and order but not the layout.
 *
 * YAML 1.1, as Kubernetes reads it: `on` is true, `<<` merges. Hostile text costs no more than honest text: depth is bounded before the
 * tree is built, since the parser's own recursion would end the process, and aliases cannot multiply without end.
 */
import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  Parser,
  visit,
  type Node,
  type YAMLMap,
} from 'yaml';
import { quote } from '../../agent/printable.js';
import type { Change } from './changes.js';
import { same, type Json } from './json.js';
import { splice, styleOf, type Style } from './yaml-lines.js';

const MAX_DEPTH = 100;

export class YamlProblem extends Error {
  override readonly name = 'YamlProblem';
}

export interface Yaml {
  readonly text: string;
  readonly value: Json;
}

const options = {
  version: '1.1',
  uniqueKeys: false,
  stringKeys: false,
  // a date stays the text that it is: it would be written in another way
  customTags: (tags: readonly unknown[]) => tags.filter((tag) => (tag as { tag?: string }).tag !== 'tag:yaml.org,2002:timestamp'),
} as const;

const open = (text: string, lineCounter = new LineCounter()): Document.Parsed =>
  parseDocument(text, { ...options, lineCounter } as Parameters<typeof parseDocument>[1]);

/** One document. Throws a YamlProblem that names the line. */
export function parseYaml(text: string): Yaml {
  boundDepth(text);
  const lines = new LineCounter();
  const document = open(text, lines);
  const wrong = document.errors[0]?.message.split('\n')[0]!.replace(/:$/, '') ?? repeated(document, lines);
  if (wrong !== undefined) throw new YamlProblem(wrong);
  return { text, value: valueOf(document) };
}

function valueOf(document: Document): Json {
  try {
    return (document.toJS({ maxAliasCount: 1000 }) ?? null) as Json;
  } catch (error) {
    throw new YamlProblem((error as Error).message, { cause: error });
  }
}

function boundDepth(text: string): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    Array.from(parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) throw new YamlProblem(`it is nested more than ${MAX_DEPTH} deep`);
  }
}

/** A key that stands twice in its map. The parser's own check compares each with each. */
function repeated(document: Document.Parsed, lines: LineCounter): string | undefined {
  let found: string | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value) && !isMerge(key)) {
          const { line, col } = lines.linePos(key.range?.[0] ?? 0);
          found ??= `the key ${quote(String(key.value))} stands twice in a map, again at line ${line}, column ${col}`;
        }
        seen.add(key.value);
      }
    },
  });
  return found;
}

/** The text with the changes made; `after` is what it has to mean then. */
export function changeYaml(
  { text }: Yaml,
  changes: readonly Change[],
  after: Json,
): { readonly text: string; readonly anew: boolean } {
  const document = open(text);
  const style = styleOf(document, text);
  const spliced = splice(text, document, changes, style);
  if (spliced !== undefined && means(spliced, after)) return { text: spliced, anew: false };
  return { text: rewrite(open(text), changes, after, style), anew: true };
}

function means(text: string, after: Json): boolean {
  const document = open(text);
  return document.errors.length === 0 && same(valueOf(document), after);
}

/** The parser gives `<<` a symbol for its value. */
const isMerge = (key: unknown): boolean => isScalar(key) && typeof key.value === 'symbol';

/** What `<<` brings in is written out: what a map has of its own wins, then what came first. */
function mergeInto(map: YAMLMap): void {
  const merges = map.items.filter(({ key }) => isMerge(key));
  if (merges.length === 0) return;
  map.items = map.items.filter((pair) => !merges.includes(pair));
  for (const source of merges.flatMap(({ value }) => (isSeq(value) ? value.items : [value]))) {
    if (!isMap(source)) continue;
    mergeInto(source);
    map.items.push(...source.items.filter(({ key }) => !map.has(key)));
  }
}

/** Aliases become copies, as what one place is given another must not get; then the tree is changed. */
function rewrite(document: Document.Parsed, changes: readonly Change[], after: Json, style: Style): string {
  visit(document, {
    Alias: (_, alias) => {
      const copy = alias.resolve(document)?.clone() as Node | undefined;
      return copy;
    },
  });
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node)) delete node.anchor;
      if (isMap(node)) mergeInto(node);
    },
  });
  for (const change of changes) {
    const parent = document.getIn(change.path.slice(0, -1), true);
    if (change.op === 'remove') document.deleteIn(change.path);
    else if (change.op === 'add' && isSeq(parent))
      parent.items.splice(Number(change.path.at(-1)), 0, document.createNode(change.value));
    else if (isCollection(parent)) document.setIn(change.path, document.createNode(change.value));
  }
  const shown = { lineWidth: 0, indentSeq: style.indentSeq } as const;
  const changed = document.toString(shown);
  const result = means(changed, after)
    ? changed
    : new Document(after, { version: '1.1', aliasDuplicateObjects: false }).toString(shown);
  return style.newline === '\n' ? result : result.replaceAll('\n', style.newline);
}
