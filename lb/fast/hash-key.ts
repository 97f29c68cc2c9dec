/** The key of a call for the hash policies, as hash-key.ts has it, out of the bytes of a head as they lie there: no strings. */
import { sourceKey, type HashOn } from '../hash-key.js';
import { hashOfBytes } from '../hashing.js';
import { CR, isBlank, LF } from './head.js';
import { is } from './names.js';
import type { RequestHead } from './request-head.js';

const COLON = 0x3a;
const SEMICOLON = 0x3b;
const QUERY = 0x3f;
const cookie = Buffer.from('cookie');

/** `cut`: so many bytes of the target do not go on. */
export function hashKeyIn(
  on: HashOn,
  bytes: Uint8Array,
  head: RequestHead,
  cut: number,
  caller: { readonly remoteAddress: string | undefined },
): number | undefined {
  if (on.by === 'source') return sourceKey(caller.remoteAddress, on.own);
  if (on.by === 'path') {
    const from = head.targetStart + cut;
    let to = from;
    while (to < head.targetEnd && bytes[to] !== QUERY) to++;
    return hashOfBytes(bytes, from, to);
  }
  const name = on.by === 'header' ? on.bytes : cookie;
  // every line of the head is well-formed: a name, a colon, a value
  for (let line = lineAfter(bytes, head.targetEnd); bytes[line] !== CR;) {
    const next = lineAfter(bytes, line);
    if (bytes[line + name.length] === COLON && is(bytes, line, name)) {
      const from = line + name.length + 1;
      const key = on.by === 'header' ? keyOf(bytes, from, next - 2) : cookieKey(on.bytes, bytes, from, next - 2);
      if (key !== undefined || on.by === 'header') return key;
    }
    line = next;
  }
  return undefined;
}

/** Of a value without the blanks around it. */
function keyOf(bytes: Uint8Array, from: number, to: number): number | undefined {
  while (from < to && isBlank(bytes[from]!)) from++;
  while (from < to && isBlank(bytes[to - 1]!)) to--;
  return from === to ? undefined : hashOfBytes(bytes, from, to);
}

function cookieKey(name: Uint8Array, bytes: Uint8Array, from: number, to: number): number | undefined {
  for (let end = from; from < to; from = end + 1) {
    while (isBlank(bytes[from]!)) from++;
    for (end = from; end < to && bytes[end] !== SEMICOLON;) end++;
    const key = same(bytes, from, name) ? keyOf(bytes, from + name.length, end) : undefined;
    if (key !== undefined) return key;
  }
  return undefined;
}

function lineAfter(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== LF) at++;
  return at + 1;
}

/** Names of cookies are told apart by case. */
function same(bytes: Uint8Array, from: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index++) if (bytes[from + index] !== word[index]) return false;
  return true;
}
