/**
 * What a person sees on a terminal: colours and tables. Colours only where a terminal shows them and nobody has asked for none
 * (no-color.org). On a terminal a table never is wider than it was told to be: its widest columns give way first, and their cells go on in the
 * next line. Cells are text of others, so they are made printable here, and a colour is given beside the text and not in it.
 */
import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { printable } from './printable.js';

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = Readonly<Record<Colour, (text: string) => string>>;

/** The colours for one stream. Without a terminal, with NO_COLOR or on a dumb terminal the text comes back as it was. */
export function paintFor(
  stream: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  return pc.createColors(stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
}

export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

export interface TableOptions {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Columns of the terminal; undefined: there is none, and each row is one line. */
  readonly width?: number | undefined;
  /** Columns by number that are set to the right, for numbers. */
  readonly right?: readonly number[];
  readonly paint?: Paint;
  /** One line a row: what does not fit is cut with an ellipsis, instead of going on in the next line. */
  readonly cut?: boolean;
}

const GAP = 2;
const INDENT = 4;
const LEAST = 8;

/** Lines with the head first, none longer than `width` and none with spaces at its end. Ends without a line feed. */
export function table({ head, rows, width = Infinity, right = [], paint, cut = false }: TableOptions): string {
  const plain = (cell: Cell | undefined): string => printable(typeof cell === 'object' ? cell.text : (cell ?? ''), 10_000);
  const all = [head.map((text): Cell => (paint ? { text, paint: paint.dim } : text)), ...rows];
  const widths = fit(
    head.map((_, column) => Math.max(...all.map((row) => plain(row[column]).length))),
    width - GAP * (head.length - 1),
  );
  const lines = all.flatMap((row) => {
    const cells = widths.map((room, column) => split(plain(row[column]), room, cut));
    return Array.from({ length: Math.max(...cells.map((parts) => parts.length)) }, (_, line) =>
      cells.map((parts, column) => {
        const text = parts[line] ?? '';
        const space = ' '.repeat(widths[column]! - text.length);
        const cell = row[column];
        const shown = typeof cell === 'object' && text !== '' ? cell.paint(text) : text;
        return right.includes(column) ? space + shown : shown + space;
      }),
    );
  });
  return lines.map((cells) => cells.join(' '.repeat(GAP)).trimEnd()).join('\n');
}

/** How wide a text is on the screen, colours not counted. */
export const visibleWidth = (text: string): number => stripVTControlCharacters(text).length;

/** Takes from the widest column until all fit, or until none has more than the least to give. Sentences stand in the last: it is left twice as wide. */
function fit(widths: readonly number[], room: number): number[] {
  const fitted = [...widths];
  const rank = (column: number): number =>
    fitted[column]! <= LEAST ? -1 : column === fitted.length - 1 ? fitted[column]! / 2 : fitted[column]!;
  for (let excess = fitted.reduce((sum, width) => sum + width, 0) - room; excess > 0; excess--) {
    const widest = fitted.reduce((most, _, column) => (rank(column) > rank(most) ? column : most), 0);
    if (fitted[widest]! <= LEAST) break;
    fitted[widest]!--;
  }
  return fitted;
}

/** Breaks after a space where there is one in the second half of the line, else after a comma, a slash or a plus there, else anywhere. */
function split(text: string, room: number, cut = false): string[] {
  if (text.length <= room) return [text];
  if (cut) return [`${text.slice(0, room - 1)}…`];
  const parts: string[] = [];
  let rest = text;
  while (rest.length > room) {
    const last = (...breakers: string[]): number => Math.max(...breakers.map((breaker) => rest.lastIndexOf(breaker, room - 1)));
    const mark = [last(' '), last(',', '/', '+')].find((at) => at >= room / 2) ?? room - 1;
    const end = mark + 1;
    parts.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return rest === '' ? parts : [...parts, rest];
}

/** A label and a sentence, which goes on below itself where it does not fit; `width` undefined: it is one line, however long. */
export function fold(label: string, text: string, width: number | undefined): string {
  if (width === undefined || label.length + text.length <= width) return `${label}${text}`.trimEnd();
  const indent = label.length <= width / 2 ? label.length : INDENT;
  if (indent === label.length) return `${label}${split(text, width - indent).join(`\n${' '.repeat(indent)}`)}`;
  const [first = '', ...rest] = split(`${label}${text}`, width);
  return [first, ...(rest.length > 0 ? split(rest.join(' '), width - indent) : [])].join(`\n${' '.repeat(indent)}`);
}

/** `NAME: says`, the name in bold. */
export function titled(
  name: string,
  says: string,
  paint: Paint,
  width: number | undefined,
  mark: (text: string) => string = String,
): string {
  const shown = fold('', `${printable(name)}: ${says}`, width);
  const cut = shown.startsWith(printable(name)) ? printable(name).length : 0;
  return `${cut > 0 ? paint.bold(shown.slice(0, cut)) : ''}${mark(shown.slice(cut))}`;
}

/** How wide what is told may be: a pipe has no edge, and a program reads a line as a row. */
export const widthOf = (stream: {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}): number | undefined => (stream.isTTY === true ? stream.columns || 80 : undefined); // some terminals do not know their size
