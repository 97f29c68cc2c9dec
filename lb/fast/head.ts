/**
 * The head of a message, found in the bytes as they lie there: positions, no strings. A strict reader: each line ends in CRLF, each name
 * is a token right before its colon, each value is visible text; whatever is not so is `odd`, and is never repaired. RequestHead and
 * AnswerHead say what the first line is and what the fields are that they know.
 *
 *     start                                   at                          end
 *       │ GET /a HTTP/1.1␍␊Host: orders␍␊ … ␍␊ │ Accept: *␍␊ … ␍␊␍␊ body …
 *       └────────── lines that are done ──────┘ where it goes on when more has come
 *
 * One object serves all messages of a connection, one after the other.
 */
import { trimmed } from '../headers.js';
import { nameAt, other } from './names.js';

/** `more`: all that is here is well-formed, and it goes on. `odd`: not provably well-formed; `fault` says why. */
export type Scanned = 'whole' | 'more' | 'odd';

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
const HTAB = 0x09;
const COLON = 0x3a;

export const keepAlive = Buffer.from('keep-alive');
export const close = Buffer.from('close');

/** What a byte is in a name: 0 none of it, 1 part of a token, 2 an underscore. */
const inName = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) inName[byte] = 1;
inName[0x5f] = 2;

/** 1 where a byte may stand in a value. */
const inValue = new Uint8Array(256).fill(1, SP).fill(1, HTAB, HTAB + 1);
inValue[0x7f] = 0;

/** More lines than these are not cut out of one head; the rules on strings do it. */
const mostCuts = 16;

export abstract class Head {
  start = 0;
  /** The line to go on with. */
  at = 0;
  /** After the empty line. Means something when it is whole. */
  end = 0;
  fields = 0;
  /** Content-Length; -1 where there is none. */
  length = -1;
  /** The connection ends with this message. */
  close = false;
  /** A rule of headers.ts may apply that is more than to leave out a line: it must be asked. */
  needsRules = false;
  /** What is odd, for a person. */
  fault = '';
  /** Parts that do not go on: from, to, from, to, … in the order of the bytes. */
  readonly cuts: number[] = [];
  cutCount = 0;
  readonly #maxBytes: number;
  readonly #maxFields: number;

  constructor(maxBytes: number, maxFields: number) {
    this.#maxBytes = maxBytes;
    this.#maxFields = maxFields;
  }

  /** A new message begins at `start`. */
  begin(start: number): void {
    this.start = start;
    this.at = start;
    this.fields = 0;
    this.length = -1;
    this.close = false;
    this.needsRules = false;
    this.cutCount = 0;
  }

  /** Reads on, as far as `to`. After `more` the same bytes must still lie where they lay. */
  scan(bytes: Uint8Array, to: number): Scanned {
    if (this.at === this.start) {
      const end = this.firstLine(bytes, to);
      if (end < 0) return this.#notYet(to, end);
      this.at = end;
    }
    for (;;) {
      const line = this.at;
      let at = endOf(inName, bytes, line, to);
      let kinds = 0;
      for (let kind = 0; at < to && (kind = inName[bytes[at]!]!) !== 0; at++) kinds |= kind;
      if (at === to) return this.#notYet(to, more);
      if (at === line && bytes[at] === CR) {
        if (at + 1 === to) return this.#notYet(to, more);
        if (bytes[at + 1] !== LF) return this.#odd('a bare CR');
        this.end = at + 2;
        return this.end - this.start > this.#maxBytes ? this.#odd('its head is too large') : 'whole';
      }
      if (at === line || bytes[at] !== COLON) return this.#odd('a line that is no field');
      const colon = at;
      at = endOf(inValue, bytes, colon + 1, to);
      if (at + 1 >= to && (at === to || bytes[at] === CR)) return this.#notYet(to, more);
      if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.#odd('a control character in a field');
      if (++this.fields > this.#maxFields) return this.#odd('too many fields');
      this.at = at + 2;
      if (kinds > 1) this.needsRules = true;
      const name = nameAt(bytes, line, colon);
      if (name !== other && !this.#known(name, bytes, line, colon + 1, at)) return 'odd';
    }
  }

  /** Where the line after the first one begins; `more` or `wrong`. */
  protected abstract firstLine(bytes: Uint8Array, to: number): number;
  /** A field that has a name we know; its value is trimmed. False: it makes the head odd, and `fault` says why. */
  protected abstract field(name: number, bytes: Uint8Array, from: number, to: number, line: number): boolean;

  /** The line that begins at `line` does not go on. The one that was read last. */
  protected cut(line: number): true {
    if (this.cutCount < mostCuts) this.cutPart(line, this.at);
    else this.needsRules = true;
    return true;
  }

  /** Into its place among the others. */
  protected cutPart(from: number, to: number): void {
    const { cuts } = this;
    let place = 2 * this.cutCount++;
    for (; place > 0 && cuts[place - 2]! > from; place -= 2) {
      cuts[place] = cuts[place - 2]!;
      cuts[place + 1] = cuts[place - 1]!;
    }
    cuts[place] = from;
    cuts[place + 1] = to;
  }

  /** What Connection says beside one `keep-alive` or `close`: it may name fields that must go. */
  protected connectionOptions(bytes: Uint8Array, from: number, to: number): void {
    this.needsRules = true;
    const options = Buffer.from(bytes.subarray(from, to)).toString('latin1').toLowerCase().split(',');
    if (options.some((option) => trimmed(option) === 'close')) this.close = true;
  }

  protected oddLine(fault: string): number {
    this.fault = fault;
    return wrong;
  }

  protected oddField(fault: string): false {
    this.fault = fault;
    return false;
  }

  #odd(fault: string): 'odd' {
    this.fault = fault;
    return 'odd';
  }

  #known(name: number, bytes: Uint8Array, line: number, from: number, to: number): boolean {
    while (from < to && isBlank(bytes[from]!)) from++;
    while (from < to && isBlank(bytes[to - 1]!)) to--;
    return this.field(name, bytes, from, to, line);
  }

  #notYet(to: number, end: number): Scanned {
    if (end === wrong) return 'odd';
    return to - this.start >= this.#maxBytes ? this.#odd('its head is too large') : 'more';
  }
}

export const more = -1;
const wrong = -2;

export const isToken = (byte: number): boolean => inName[byte] !== 0;

/** A byte that may stand in a value: no control character but HTAB. */
export const isText = (byte: number): boolean => inValue[byte] === 1;

/** Where the bytes that are marked with a 1 end. Four at a time: to go round a loop costs more than to look into a table. */
export function endOf(marks: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at + 4 <= to && (marks[bytes[at]!]! & marks[bytes[at + 1]!]! & marks[bytes[at + 2]!]! & marks[bytes[at + 3]!]!) === 1)
    at += 4;
  while (at < to && marks[bytes[at]!] === 1) at++;
  return at;
}

/** A length, with nothing but spaces behind it: a tab is allowed there, but parsers in use refuse it, and two readers must not differ. */
export function lengthIn(bytes: Uint8Array, from: number, to: number): number {
  for (let at = to; bytes[at] !== CR; at++) if (bytes[at] === HTAB) return -1;
  return digits(bytes, from, to);
}

export const isBlank = (byte: number): boolean => byte === SP || byte === HTAB;

const mostDigits = 15;
/** 1 to 15 digits and nothing else; -1 for all that is no such number. */
export function digits(bytes: Uint8Array, from: number, to: number): number {
  if (from === to || to - from > mostDigits) return -1;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
