/** Which plots are made of a run: what calls cost, what latency is added, what is resident, and what growing costs. */
import { DIRECT } from './contenders/direct.js';
import { bars, type Bars } from './plot.js';
import type { Result } from './results.js';
import { added, BASE, ratioOf, type TitleOf } from './summary.js';
import { median } from './statistics.js';

type Of<K extends Result['kind']> = Extract<Result, { kind: K }>;
type Groups = Bars['groups'];

/** By the name of the file. */
export function plotsOf(results: readonly Result[], titleOf: TitleOf): Map<string, string> {
  const calls = results.filter((result): result is Of<'calls'> => result.kind === 'calls');
  const grows = (id: string): boolean => /^(endpoints|services)-/.test(id);
  const paced = calls.filter(({ workload }) => workload.startsWith('rate-'));
  const plots = new Map<string, string>();
  const plot = (name: string, groups: Groups, rest: Omit<Bars, 'groups'>): void => {
    if (groups.some((group) => group.bars.length > 0)) plots.set(name, bars({ groups, ...rest }));
  };

  plot('cpu', calls.filter(({ workload }) => !grows(workload)).map(byRatio), {
    ...{ title: 'CPU for each call', unit: 'times what HAProxy takes in the same round; less is better', longest: 5, mark: 1 },
  });
  plot('latency', paced.flatMap(byLatency), {
    ...{ title: 'Added latency', unit: 'microseconds that the proxy adds at a fixed rate of calls; less is better' },
    longest: 2_000,
  });
  plot('memory', results.filter((result): result is Of<'memory'> => result.kind === 'memory').flatMap(byMemory), {
    ...{ title: 'Resident memory', unit: 'MB; less is better', longest: 250 },
  });
  plot('growth', calls.filter(({ workload }) => grows(workload)).map(byCpu), {
    ...{ title: 'CPU for each call as the fleet grows', unit: 'microseconds; less is better', longest: 300 },
  });
  return plots;

  function byRatio(result: Of<'calls'>): Groups[number] {
    const others = result.contenders.filter(({ id }) => id !== BASE && id !== DIRECT);
    const all = others.map(({ id }) => ({ label: titleOf(id), value: ratioOf(result, id) }));
    return { label: result.title, bars: all.filter(({ value }) => !Number.isNaN(value)) };
  }
  function byCpu({ title, contenders }: Of<'calls'>): Groups[number] {
    return {
      label: title,
      bars: contenders.map(({ id, rounds }) => ({ label: titleOf(id), value: median(rounds.map(({ cpuUs }) => cpuUs)) })),
    };
  }
  function byLatency(result: Of<'calls'>): Groups {
    const others = result.contenders.filter(({ id }) => id !== DIRECT);
    if (others.length === result.contenders.length) return []; // nothing to hold it against
    return (['p50', 'p99', 'p999'] as const).map((percentile) => ({
      label: `${result.title}, ${percentile === 'p999' ? 'p99.9' : percentile}`,
      bars: others.map(({ id }) => ({ label: titleOf(id), value: added(result, id, percentile) })),
    }));
  }
  function byMemory({ contenders }: Of<'memory'>): Groups {
    const kinds = { idleMb: 'idle', silentMb: '1,000 silent connections', busyMb: '1,000 busy connections' } as const;
    return Object.entries(kinds).map(([kind, label]) => ({
      label,
      bars: contenders.map((one) => ({ label: titleOf(one.id), value: one[kind as keyof typeof kinds] })),
    }));
  }
}
