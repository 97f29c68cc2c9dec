/**
 * A head is rewritten where it lies: lines that must not go on are closed over, and ours come before its empty line. What follows it, the
 * body, stays in its place, so that head and body leave in one write; the head grows to the left, into room that was left there.
 *
 *     ░░░░░░ GET / HTTP/1.1 Host: a ▒cut▒ Accept: * ␍␊ body
 *     ░ GET / HTTP/1.1 Host: a Accept: * ▓ ours ▓ ␍␊ body
 */
import type { Head } from './head.js';

/** So much room is left before a message, and so much at most is put into its head. */
export const room = 1024;

/** `shift`: how far the bytes were moved since the head was scanned. Where the new head begins. */
export function rewrite(bytes: Buffer, { start, end, cuts, cutCount }: Head, shift: number, ours: Uint8Array): number {
  const first = start + shift;
  const emptyLine = end - 2 + shift;
  let kept = first;
  let from = first;
  for (let index = 0; index < cutCount; index++) {
    kept = moved(bytes, kept, from, cuts[2 * index]! + shift);
    from = cuts[2 * index + 1]! + shift;
  }
  kept = moved(bytes, kept, from, emptyLine);
  const begin = emptyLine - ours.length - (kept - first);
  if (begin !== first) bytes.copyWithin(begin, first, kept);
  bytes.set(ours, emptyLine - ours.length);
  return begin;
}

/** The end of what lay between `from` and `to` and now begins at `target`. */
function moved(bytes: Buffer, target: number, from: number, to: number): number {
  if (target !== from) bytes.copyWithin(target, from, to);
  return target + to - from;
}
