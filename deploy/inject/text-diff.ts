/**
 * The difference of two texts as `diff -u` shows it: the shortest one, by Myers' greedy algorithm (An O(ND) Difference Algorithm, 1986).
 * Beyond a bound of changed lines the whole is shown as replaced, since the algorithm keeps a row for each of them.
 */

const MOST_CHANGES = 2000;
const CONTEXT = 3;

interface Step {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** Empty when the texts are equal. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return '';
  const steps = compare(linesOf(before), linesOf(after));
  const shown = steps.map((_, index) =>
    steps.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  let [old, now] = [1, 1];
  let out = `--- ${name}\n+++ ${name}\n`;
  for (let index = 0; index < steps.length;) {
    let end = index;
    while (end < steps.length && shown[end]!) end++;
    const hunk = steps.slice(index, end);
    const [less, more] = [hunk.filter(({ sign }) => sign !== '+').length, hunk.filter(({ sign }) => sign !== '-').length];
    if (hunk.length > 0) {
      out += `@@ -${less === 0 ? old - 1 : old},${less} +${more === 0 ? now - 1 : now},${more} @@\n`;
      for (const { sign, line } of hunk)
        out += line.endsWith('\n') ? sign + line : `${sign}${line}\n\\ No newline at end of file\n`;
    }
    old += less;
    now += more;
    index = end;
    for (; index < steps.length && !shown[index]!; index++) [old, now] = [old + 1, now + 1];
  }
  return out;
}

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

function compare(a: readonly string[], b: readonly string[]): Step[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (lines: readonly string[]): Step[] => lines.map((line) => ({ sign: ' ', line }));
  return [
    ...same(a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...same(a.slice(a.length - end)),
  ];
}

function middle(a: readonly string[], b: readonly string[]): Step[] {
  const rows: Map<number, number>[] = [];
  let row = new Map<number, number>([[1, 0]]);
  for (let d = 0; d <= Math.min(a.length + b.length, MOST_CHANGES); d++) {
    rows.push(row);
    const next = new Map(row);
    for (let k = -d; k <= d; k += 2) {
      let x = takesDown(row, k, d) ? row.get(k + 1)! : row.get(k - 1)! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      next.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkBack(a, b, rows);
    }
    row = next;
  }
  return [...a.map((line): Step => ({ sign: '-', line })), ...b.map((line): Step => ({ sign: '+', line }))];
}

const takesDown = (row: ReadonlyMap<number, number>, k: number, d: number): boolean =>
  k === -d || (k !== d && (row.get(k - 1) ?? -1) < (row.get(k + 1) ?? -1));

function walkBack(a: readonly string[], b: readonly string[], rows: readonly ReadonlyMap<number, number>[]): Step[] {
  const steps: Step[] = [];
  let [x, y] = [a.length, b.length];
  for (let d = rows.length - 1; d >= 0; d--) {
    const row = rows[d]!;
    const k = x - y;
    const down = takesDown(row, k, d);
    const fromX = row.get(down ? k + 1 : k - 1)!;
    const fromY = fromX - (down ? k + 1 : k - 1);
    while (x > fromX && y > fromY) [steps[steps.length], x, y] = [{ sign: ' ', line: a[x - 1]! }, x - 1, y - 1];
    if (d === 0) break;
    steps.push(down ? { sign: '+', line: b[y - 1]! } : { sign: '-', line: a[x - 1]! });
    [x, y] = [fromX, fromY];
  }
  return steps.reverse();
}
