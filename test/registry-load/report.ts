/** What a run says: a table for each scenario, and a plot of what each reader asks. */
import { bars } from '../bench/plot.js';
import type { Machine } from '../bench/machine.js';
import type { Counts } from './crowd.js';
import type { Kind } from './readers.js';

export interface Result {
  readonly scenario: 'deploy' | 'leader';
  readonly kind: Kind;
  /** How many there were. */
  readonly readers: number;
  readonly counts: Counts;
  /** User and system time of all servers. */
  readonly serverMs: number;
  readonly seconds: number;
  /** As many as the servers say, when it was over. */
  readonly watches: number;
}

export interface Run {
  readonly command: string;
  readonly machine: Machine;
  readonly load: string;
  readonly node: string;
  readonly instances: number;
  readonly results: readonly Result[];
}

/** What a fleet is reckoned for. */
const FLEET = 1_000;
/** Not for the sake of what is read: how a connection begins, stays and ends. */
const KEEPING: ReadonlySet<string> = new Set(['ping', 'setWatches', 'close']);
const titles = { naive: 'all again at each change', once: 'each newcomer once', zidecar: 'zidecar' } as const;
const scenarios = {
  deploy: 'A rolling deploy: every instance leaves, and another one comes in its place',
  leader: 'The leader is killed, and every session finds another server',
} as const;
export const PLOT = 'questions.svg';

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, one) => all + one, 0);
const reads = ({ counts }: Result): number =>
  sum(Object.entries(counts.asked).flatMap(([name, count]) => (KEEPING.has(name) ? [] : [count])));
const keeping = ({ counts: { asked } }: Result): number => asked['setWatches'] ?? 0;

export function reported({ command, machine, load, node, instances, results }: Run): string {
  const { cpu, cores, memoryGb, kernel } = machine;
  return [
    '# What following a service costs ZooKeeper',
    '',
    `Made by \`${command}\`; what is counted and how stands in README.md. ${cpu}, ${cores} cores, ${memoryGb} GB, kernel ${kernel}, Node ${node},`,
    `ZooKeeper 3.8.0, three servers on the same machine; load of the machine (1, 5, 15 minutes) from ${load}. CPU times depend`,
    "on the load. Counts do not, but for zidecar's slow look: once in 5 minutes, whatever happens, it asks for the names and looks at each node.",
    '',
    `![](plots/${PLOT})`,
    ...(['deploy', 'leader'] as const).flatMap((scenario) => section(scenario, results, instances)),
    '',
  ].join('\n');
}

function section(scenario: Result['scenario'], results: readonly Result[], instances: number): string[] {
  const rows = results.filter((result) => result.scenario === scenario);
  const best = rows.find(({ kind }) => kind === 'once');
  const perReader = (result: Result, value: number): string => fixed(value / result.readers);
  return [
    '',
    `## ${scenarios[scenario]}`,
    '',
    `${instances} instances. For each reader, but for the last columns.`,
    '',
    `| reader | measured with | questions | by kind | of the best known | watches told | KB sent | KB received | CPU of the servers | reckoned for ${FLEET}: questions | MB received | CPU of the servers |`,
    '|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...rows.map((result) => {
      const { kind, readers, counts, serverMs } = result;
      const of =
        best && reads(best) > 0 ? `${Math.round((100 * (reads(result) / readers)) / (reads(best) / best.readers))} %` : '-';
      const byKind = Object.entries(counts.asked)
        .filter(([name, count]) => count > 0 && name !== 'close')
        .map(([name, count]) => `${name} ${perReader(result, count)}`)
        .join(', ');
      const fleet = FLEET / readers;
      return `| ${[
        ...[titles[kind], readers, perReader(result, reads(result)), byKind, of, perReader(result, counts.fired)],
        ...[perReader(result, counts.sentBytes / 1_000), perReader(result, counts.receivedBytes / 1_000)],
        ...[`${perReader(result, serverMs)} ms`, Math.round(reads(result) * fleet)],
        ...[Math.round((counts.receivedBytes * fleet) / 1e6), `${fixed((serverMs * fleet) / 1_000)} s`],
      ].join(' | ')} |`;
    }),
    '',
    `The servers held ${rows.map(({ kind, readers, watches }) => `${fixed(watches / readers)} watches for each reader (${titles[kind]})`).join(', ')}.`,
    ...(scenario === 'leader'
      ? [
          `Each reader told its new server of its watches in ${rows.map((row) => perReader(row, keeping(row))).join(', ')} packets.`,
        ]
      : []),
  ];
}

export function plotted({ results, instances }: Run): string {
  const groups = (['deploy', 'leader'] as const).map((scenario) => ({
    label: scenario === 'deploy' ? `a deploy of ${instances} instances` : 'the leader is killed',
    bars: results
      .filter((result) => result.scenario === scenario)
      .map((result) => ({ label: titles[result.kind], value: reads(result) / result.readers })),
  }));
  const longest = 1_000;
  return bars({ title: 'What one reader asks ZooKeeper', unit: 'questions; less is better', groups, longest });
}

const fixed = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
