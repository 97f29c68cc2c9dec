/** What a workload came to: a row for each contender, held against HAProxy as it comes. */
import type { Round } from './rounds.js';
import { median, ratio, spread } from './statistics.js';
import { table } from './table.js';

export interface Result {
  readonly workload: string;
  readonly title: string;
  readonly contenders: readonly { readonly id: string; readonly rounds: readonly Round[] }[];
}

export const BASE = 'haproxy';

const heads = ['', 'CPU us/call', '+-', 'against HAProxy', 'calls/s', 'MB/s', 'p50 us', 'p99 us', 'failed', 'noisy', 'lane'];

export function rowsOf({ contenders }: Result, titleOf: (id: string) => string): string[][] {
  const base = contenders.find(({ id }) => id === BASE)?.rounds.map(({ cpuUs }) => cpuUs) ?? [];
  return contenders.map(({ id, rounds }) => {
    const of = (read: (round: Round) => number): number => median(rounds.map(read));
    const cpus = rounds.map(({ cpuUs }) => cpuUs);
    return [
      titleOf(id),
      number(median(cpus)),
      `${Math.round(spread(cpus) * 100)} %`,
      base.length === 0 ? '' : ratio(cpus, base).toFixed(2),
      of(({ calls, seconds }) => calls / seconds).toFixed(0),
      number(of(({ bytes, seconds }) => bytes / seconds / 1e6)),
      of(({ latencyUs }) => latencyUs.p50).toFixed(0),
      of(({ latencyUs }) => latencyUs.p99).toFixed(0),
      String(rounds.reduce((sum, { failed }) => sum + failed, 0)),
      `${rounds.filter(({ isNoisy }) => isNoisy).length}/${rounds.length}`,
      lanes(rounds),
    ];
  });
}

export function summary(result: Result, titleOf: (id: string) => string): string {
  const why = result.contenders.flatMap(({ id, rounds }) => {
    const failed = rounds.find((round) => round.failed > 0);
    return failed ? [`${titleOf(id)}: ${failed.why}`] : [];
  });
  return [table([heads, ...rowsOf(result, titleOf)]), ...why].join('\n');
}

const number = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

/** `fast 100 %`. A build that does not count lanes has the full one only. */
function lanes(rounds: readonly Round[]): string {
  const counts = new Map<string, number>();
  for (const { lanes: of } of rounds) {
    if (of === undefined) return '';
    for (const [lane, calls] of Object.entries(of)) counts.set(lane, (counts.get(lane) ?? 0) + calls);
  }
  const total = [...counts.values()].reduce((sum, calls) => sum + calls, 0);
  if (total === 0) return 'full (not counted)';
  return Array.from(counts, ([lane, calls]) => `${lane} ${Math.round((calls / total) * 100)} %`).join(', ');
}
