/** What a workload came to: a row for each contender. CPU is held against HAProxy as it comes, latency at a fixed rate against no proxy. */
import { DIRECT } from './contenders/direct.js';
import type { Result } from './results.js';
import type { Round } from './rounds.js';
import { median, ratio, spread } from './statistics.js';
import { workloads } from './workloads.js';

/** Who everybody is held against. */
export const BASE = 'haproxy';
const OURS = 'zidecar';

export type TitleOf = (id: string) => string;

export function rowsOf(result: Result, titleOf: TitleOf): string[][] {
  switch (result.kind) {
    case 'calls':
      return [callHeads(result, titleOf), ...callRows(result, titleOf)];
    case 'memory':
      return [
        ['', 'idle MB', '1,000 silent connections MB', '1,000 busy connections MB'],
        ...result.contenders.map(({ id, ...of }) => [titleOf(id), ...[of.idleMb, of.silentMb, of.busyMb].map(short)]),
      ];
    case 'pick':
      return pickRows(result);
  }
}

/** The first failure of each who had one. */
export function failuresOf(result: Result, titleOf: TitleOf): string[] {
  if (result.kind !== 'calls') return [];
  return result.contenders.flatMap(({ id, rounds }) => {
    const count = rounds.reduce((sum, { failed }) => sum + failed, 0);
    return count === 0 ? [] : [`${titleOf(id)}: ${count} calls failed: ${rounds.find(({ failed }) => failed > 0)!.why}`];
  });
}

type Calls = Extract<Result, { kind: 'calls' }>;
type Percentile = 'p50' | 'p99' | 'p999';

const isPaced = ({ contenders }: Calls): boolean => contenders.some(({ id }) => id === DIRECT);

const callHeads = (result: Calls, titleOf: TitleOf): string[] => [
  ...['', 'CPU us/call', '+-', `against ${titleOf(baseOf(result))}`],
  ...(isPaced(result) ? ['added p50 us', 'added p99 us', 'added p99.9 us', 'kept up'] : ['calls/s', 'MB/s', 'p50 us', 'p99 us']),
  ...['failed', 'noisy', 'lane'],
];

const callRows = (result: Calls, titleOf: TitleOf): string[][] =>
  result.contenders.map(({ id, rounds }) => {
    const of = (read: (round: Round) => number): number => median(rounds.map(read));
    const cpus = cpuOf(result, id);
    const timed = isPaced(result)
      ? [...(['p50', 'p99', 'p999'] as const).map((percentile) => whole(added(result, id, percentile))), keptUp(rounds)]
      : [
          whole(of(({ calls, seconds }) => calls / seconds)),
          short(of(({ bytes, seconds }) => bytes / seconds / 1e6)),
          ...[of(({ latencyUs }) => latencyUs.p50), of(({ latencyUs }) => latencyUs.p99)].map(whole),
        ];
    return [
      ...[titleOf(id), short(median(cpus)), `${whole(spread(cpus) * 100)} %`, against(result, id)],
      ...timed,
      String(rounds.reduce((sum, { failed }) => sum + failed, 0)),
      `${rounds.filter(({ isNoisy }) => isNoisy).length}/${rounds.length}`,
      lanes(rounds),
    ];
  });

const cpuOf = ({ contenders }: Calls, id: string): number[] =>
  contenders.find((contender) => contender.id === id)?.rounds.map(({ cpuUs }) => cpuUs) ?? [];

/** Where no other proxy takes part, zidecar as it comes. */
const baseOf = ({ workload }: Calls): string =>
  workloads.find(({ id }) => id === workload)?.contenders.includes(BASE) === false ? OURS : BASE;

/** The ratio of CPU to HAProxy's; NaN where there is none. */
export const ratioOf = (result: Calls, id: string): number => ratio(cpuOf(result, id), cpuOf(result, baseOf(result)));

const against = (result: Calls, id: string): string => {
  const value = ratioOf(result, id);
  return Number.isNaN(value) ? '' : value.toFixed(2);
};

/** What a contender adds to a percentile of the latency without it, within each round; the median. In microseconds. */
export function added({ contenders }: Calls, id: string, percentile: Percentile): number {
  const rounds = (of: string): number[] =>
    contenders.find((contender) => contender.id === of)?.rounds.map(({ latencyUs }) => latencyUs[percentile]) ?? [];
  const without = rounds(DIRECT);
  return median(rounds(id).flatMap((value, round) => (round < without.length ? [value - without[round]!] : [])));
}

/** The share of calls that had been answered a second after the last one was due. */
const keptUp = (rounds: readonly Round[]): string =>
  `${whole(100 * median(rounds.map(({ calls, failed, unfinished }) => calls / (calls + failed + unfinished))))} %`;

function pickRows({ picks }: Extract<Result, { kind: 'pick' }>): string[][] {
  const counts = [...new Set(picks.map(({ endpoints }) => endpoints))];
  return [
    ['policy', ...counts.map((count) => `${count} endpoints ns`), `${counts.at(-1)!} against ${counts[0]!}`],
    ...[...new Set(picks.map(({ policy }) => policy))].map((policy) => {
      const times = counts.map((count) => picks.find((pick) => pick.policy === policy && pick.endpoints === count)!.ns);
      return [policy, ...times.map(whole), (times.at(-1)! / times[0]!).toFixed(2)];
    }),
  ];
}

/** `fast 100 %`. A build that does not count lanes has the full one only. */
function lanes(rounds: readonly Round[]): string {
  const counts = new Map<string, number>();
  for (const { lanes: of } of rounds) {
    if (of === undefined) return '';
    for (const [lane, calls] of Object.entries(of)) counts.set(lane, (counts.get(lane) ?? 0) + calls);
  }
  const total = [...counts.values()].reduce((sum, calls) => sum + calls, 0);
  if (total === 0) return 'full (not counted)';
  return Array.from(counts, ([lane, calls]) => `${lane} ${whole((calls / total) * 100)} %`).join(', ');
}

const whole = (value: number): string => value.toFixed(0);
const short = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
