/** Sorting in pieces, since that of 20,000 names in one go holds calls up. Runs are sorted, and then two of them made one, until there is one. */
import type { Pieces } from './wire/turns.js';

/** Names that are looked at in one go: some tens of microseconds. */
export const PIECE = 256;

/** In the order of `sort`. */
export function* sorted(names: readonly string[]): Pieces<readonly string[]> {
  let runs: string[][] = [];
  for (let at = 0; at < names.length; at += PIECE) {
    if (at > 0) yield;
    runs.push(names.slice(at, at + PIECE).sort());
  }
  while (runs.length > 1) {
    const longer: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) longer.push(yield* merged(runs[at]!, runs[at + 1] ?? []));
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merged(one: readonly string[], other: readonly string[]): Pieces<string[]> {
  const all: string[] = [];
  let [left, right] = [0, 0];
  while (left < one.length || right < other.length) {
    if (all.length % PIECE === PIECE - 1) yield;
    const isLeft = right === other.length || (left < one.length && one[left]! <= other[right]!);
    all.push(isLeft ? one[left++]! : other[right++]!);
  }
  return all;
}
