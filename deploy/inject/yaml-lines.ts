/**
 * Changes of a YAML document as lines put in and taken out, at places that its parsed tree tells. Everything between stays untouched. It
 * does not know whether the result means what it should: who asks has to parse it again.
 */
import {
  isCollection,
  isMap as isYamlMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  stringify,
  visit,
  type Document,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Change } from './changes.js';
import type { Json } from './json.js';
import type { Path } from './workloads.js';

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** What stands before what, where it matters to a reader; all else goes to the end. */
const before: Readonly<Record<string, string>> = { initContainers: 'containers', metadata: 'spec' };

/** Undefined: this text cannot be changed by lines. */
export function splice(text: string, document: Document.Parsed, changes: readonly Change[], style: Style): string | undefined {
  const edits: Edit[] = [];
  for (const change of changes) {
    const edit = editFor(text, document.contents, change, style);
    if (edit === undefined) return undefined;
    edits.push(edit);
  }
  // changes of one place come last first; so do places
  const ordered = edits.map((edit, index) => ({ edit, index })).sort((a, b) => b.edit.from - a.edit.from || a.index - b.index);
  let result = text;
  let least = Infinity;
  for (const { edit } of ordered) {
    if (edit.to > least) return undefined;
    result = result.slice(0, edit.from) + edit.text + result.slice(edit.to);
    least = edit.from;
  }
  return result;
}

export interface Style {
  readonly newline: string;
  /** Items of a list stand deeper than its key. */
  readonly indentSeq: boolean;
}

export function styleOf(document: Document.Parsed, text: string): Style {
  let indentSeq: boolean | undefined;
  visit(document, {
    Pair(_, { key, value }) {
      if (indentSeq !== undefined || !isSeq(value) || value.flow || !isNode(key)) return;
      indentSeq = column(text, value.range![0]) > column(text, key.range![0]);
    },
  });
  return { newline: text.includes('\r\n') ? '\r\n' : '\n', indentSeq: indentSeq ?? true };
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;
const column = (text: string, offset: number): number => offset - lineStart(text, offset);
const nextLine = (text: string, offset: number): number => {
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
};

function editFor(text: string, root: unknown, change: Change, style: Style): Edit | undefined {
  const key = change.path.at(-1);
  const parent = nodeAt(root, change.path.slice(0, -1));
  if (key === undefined || parent?.range === undefined || parent.range === null) return undefined;
  if (change.op === 'add')
    return parent.flow ? addToFlow(parent, key, change.value) : addToBlock(text, parent, key, change.value, style);
  const found = isYamlMap(parent) ? pairOf(parent, String(key)) : (parent as YAMLSeq<Node>).items[Number(key)];
  const value = isPair(found) ? found.value : found;
  if (change.op === 'replace') {
    if (isPair(found) && isScalar(value) && value.value === null)
      return fillEmpty(text, found.key as Node, value, change.value, style);
    if (!isScalar(value) || !value.range || typeof change.value === 'object' || value.range[0] === value.range[1])
      return undefined;
    return { from: value.range[0], to: value.range[1], text: inline(change.value) };
  }
  const start = isPair(found) ? (found.key as Node | null)?.range?.[0] : dashOf(text, found);
  const end = endOf(value) ?? (isPair(found) ? endOf(found.key) : undefined);
  if (parent.flow || start === undefined || end === undefined) return undefined;
  const from = lineStart(text, start);
  return /^ *$/.test(text.slice(from, start)) ? { from, to: afterLine(text, end), text: '' } : undefined;
}

/** `annotations:` with nothing behind it. */
function fillEmpty(text: string, key: Node, empty: Scalar, value: Json, style: Style): Edit | undefined {
  if (!key.range || empty.source !== '' || typeof value !== 'object') return undefined;
  const from = nextLine(text, key.range[1]);
  const indent = ' '.repeat(column(text, key.range[0]) + 2);
  return text[from - 1] === '\n'
    ? { from, to: from, text: `${indent}${block(value, indent, style)}${style.newline}` }
    : undefined;
}

/** The collection at a path, if the way there is written out and nobody else refers to it. */
function nodeAt(root: unknown, path: Path): YAMLMap | YAMLSeq | undefined {
  let node = root;
  for (const key of path) {
    if (!isCollection(node) || node.anchor !== undefined) return undefined;
    node = isYamlMap(node) ? pairOf(node, String(key))?.value : node.items[Number(key)];
  }
  return (isYamlMap(node) || isSeq(node)) && node.anchor === undefined ? node : undefined;
}

const pairOf = (map: YAMLMap, key: string): Pair | undefined =>
  map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === key);

const dashOf = (text: string, item: Node | undefined): number | undefined => {
  const dash = item?.range ? text.lastIndexOf('-', item.range[0] - 1) : -1;
  return dash >= 0 && /^-[ \t]*$/.test(text.slice(dash, item!.range![0])) ? dash : undefined;
};

/** Where the last thing in a node ends, before any comment behind it. */
function endOf(node: unknown): number | undefined {
  if (isCollection(node) && !node.flow && node.items.length > 0) {
    const last = node.items.at(-1);
    return isPair(last) ? (endOf(last.value) ?? endOf(last.key)) : endOf(last);
  }
  return isNode(node) ? node.range?.[1] : undefined;
}

/** A block scalar ends behind its last line already. */
const afterLine = (text: string, end: number): number => (text[end - 1] === '\n' ? end : nextLine(text, end));

function addToBlock(text: string, parent: YAMLMap | YAMLSeq, key: string | number, value: Json, style: Style): Edit | undefined {
  const inMap = isYamlMap(parent);
  const follower = inMap ? pairOf(parent, before[String(key)] ?? '')?.key : parent.items[Number(key)];
  const first = inMap
    ? (parent.items[0]?.key as Scalar | undefined)?.range?.[0]
    : dashOf(text, parent.items[0] as Node | undefined);
  if (first === undefined) return undefined;
  const indent = ' '.repeat(column(text, first));
  const written = block(inMap ? { [key]: value } : [value], indent, style);
  if (isNode(follower)) {
    const from = inMap ? follower.range?.[0] : dashOf(text, follower);
    return from === undefined ? undefined : { from, to: from, text: `${written}${style.newline}${indent}` };
  }
  const end = endOf(parent);
  if (end === undefined) return undefined;
  const from = afterLine(text, end);
  const begin = text[from - 1] === '\n' ? '' : style.newline;
  return { from, to: from, text: `${begin}${indent}${written}${style.newline}` };
}

/** In lines that are indented but for the first. */
const block = (value: Json, indent: string, { newline, indentSeq }: Style): string =>
  stringify(value, { version: '1.1', lineWidth: 0, indentSeq, aliasDuplicateObjects: false })
    .trimEnd()
    .split('\n')
    .join(`${newline}${indent}`);

function addToFlow(parent: YAMLMap | YAMLSeq, key: string | number, value: Json): Edit | undefined {
  const item = isYamlMap(parent) ? `${JSON.stringify(key)}: ${inline(value)}` : inline(value);
  const follower = isSeq(parent) ? parent.items[Number(key)] : undefined;
  if (isNode(follower)) return { from: follower.range![0], to: follower.range![0], text: `${item}, ` };
  const last = endOf(parent.items.length > 0 ? lastOf(parent) : undefined);
  const from = last ?? parent.range![1] - 1;
  return { from, to: from, text: last === undefined ? item : `, ${item}` };
}

const lastOf = (parent: YAMLMap | YAMLSeq): unknown => {
  const last = parent.items.at(-1);
  return isPair(last) ? (last.value ?? last.key) : last;
};

const inline = (value: Json): string => JSON.stringify(value);
