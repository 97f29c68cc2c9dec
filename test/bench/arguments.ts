/** The command line of the benchmark. */
import { parseArgs } from 'node:util';

export interface Arguments {
  readonly quick: boolean;
  readonly write: boolean;
  readonly resume: boolean;
  readonly list: boolean;
  readonly help: boolean;
  /** Where every round is kept; undefined: at the usual place. */
  readonly json: string | undefined;
  /** Empty: all. */
  readonly workloads: readonly string[];
  readonly proxies: readonly string[];
  readonly rounds: number | undefined;
  readonly seconds: number | undefined;
  /** Noisy rounds are repeated. */
  readonly repeats: boolean;
  /** Of the proxy, and of load and backend. */
  readonly cores: readonly [number, number];
}

export const help = `npm run bench -- [options]     What zidecar costs, beside other proxies; test/bench/README.md tells how.

  --quick               the short form, two minutes
  --workload NAME,...   these workloads only (1k-32, or the beginning of names: 1k)
  --proxy NAME,...      these proxies only
  --list                show the names of both
  --rounds N            rounds of each workload
  --seconds S           length of one measurement
  --no-repeats          take noisy rounds as they come, for a busy machine
  --cores P,L           the core of the proxy, and of load and backend; 1,0 by default
  --write               write test/bench/RESULTS.md and its plots
  --json FILE           where every round is kept; .build/bench/results.json by default
  --resume              go on with the run that is kept there
  --help                show this
`;

/** Throws an Error with a sentence for the user. */
export function parseArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
      'no-repeats': { type: 'boolean', default: false },
      workload: { type: 'string', default: '' },
      proxy: { type: 'string', default: '' },
      json: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      cores: { type: 'string', default: '1,0' },
    },
  });
  const names = (list: string): string[] => list.split(',').filter(Boolean);
  const positive = (text: string | undefined, name: string): number | undefined => {
    if (text === undefined) return undefined;
    if (!(Number(text) > 0)) throw new Error(`--${name} ${text}: a number above 0 is needed`);
    return Number(text);
  };
  const cores = /^(\d+),(\d+)$/.exec(values.cores);
  if (!cores || cores[1] === cores[2]) throw new Error(`--cores ${values.cores}: two different cores are needed, such as 1,0`);
  const { quick, write, resume, list, help } = values;
  return {
    ...{ quick, write, resume, list, help },
    json: values.json,
    workloads: names(values.workload),
    proxies: names(values.proxy),
    rounds: positive(values.rounds, 'rounds'),
    seconds: positive(values.seconds, 'seconds'),
    repeats: !values['no-repeats'],
    cores: [Number(cores[1]), Number(cores[2])],
  };
}

/** Those whose name is given, or begins with what is given and a `-`; all when nothing is given. Throws when one fits nobody. */
export function chosen<T extends { readonly id: string }>(
  all: readonly T[],
  names: readonly string[],
  what: string,
): readonly T[] {
  const fits = (id: string, name: string): boolean => id === name || id.startsWith(`${name}-`);
  const stray = names.find((name) => !all.some(({ id }) => fits(id, name)));
  if (stray !== undefined) throw new Error(`no ${what} is called ${stray}; there are ${all.map(({ id }) => id).join(', ')}`);
  return names.length === 0
    ? all
    : all.filter(({ id }) => names.some((name) => name === id || (fits(id, name) && !all.some((one) => one.id === name))));
}
