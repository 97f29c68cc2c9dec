/**
 * `npm run bench`: what zidecar costs, beside other proxies, in one run. README.md tells what is measured and how to trust it; read `main`
 * for the course of a run and rounds.ts for the heart of it.
 */
import { execFileSync } from 'node:child_process';
import { chosen, help, parseArguments, type Arguments } from './arguments.js';
import { contenders } from './contenders/contenders.js';
import type { Contender } from './contenders/contender.js';
import { machine } from './machine.js';
import { playMemory } from './memory.js';
import { compiler } from './native.js';
import { playPick } from './pick.js';
import { report } from './report.js';
import { keep, kept, usualFile, type Result, type Run } from './results.js';
import { playCalls, type Plan } from './rounds.js';
import { failuresOf, rowsOf } from './summary.js';
import { table } from './table.js';
import { workloads, type Workload } from './workloads.js';

const isTerminal = process.stderr.isTTY;
const clear = (): void => {
  if (isTerminal) process.stderr.write('\r\x1b[K');
};
const progress = (text: string): void => void process.stderr.write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
const say = (text: string): void => {
  clear();
  console.log(text);
};

async function main(): Promise<number> {
  const options = parseArguments(process.argv.slice(2));
  if (options.help || options.list) {
    say(options.help ? help : listing());
    return 0;
  }
  if (compiler() === undefined) {
    throw new Error('the load generator is written in C, and there is no compiler: apt-get install -y gcc libc6-dev');
  }
  const toPlay = chosen(workloads, options.workloads, 'workload').flatMap((workload) => {
    if (workload.onlyByName === true && options.workloads.length === 0) return [];
    if (!options.quick) return [workload];
    return workload.quick === undefined ? [] : [{ ...workload, contenders: workload.quick }];
  });
  const wanted = chosen(contenders, options.proxies, 'proxy');
  const file = options.json ?? usualFile;
  let run = options.resume ? kept(file) : begin(options, wanted);
  const { cpu, cores, system, kernel } = run.machine;
  say(`${cpu}, ${cores} cores, ${system}, Linux ${kernel}; Node ${process.versions.node}`);
  for (const who of run.leftOut) say(`left out: ${who}`);

  const present = wanted.filter(({ id }) => id in run.versions);
  for (const workload of toPlay) {
    if (run.results.some((result) => result.workload === workload.id)) continue;
    const result = await play(workload, present, options);
    if (result === undefined) continue;
    run = { ...run, results: [...run.results, result] };
    keep(file, run);
    say(`\n${result.title}\n${[table(rowsOf(result, titleOf)), ...failuresOf(result, titleOf)].join('\n')}`);
  }
  say(`\nevery round of it: ${file}`);
  if (options.write) report(run, titleOf);
  return run.results.some((result) => failuresOf(result, titleOf).length > 0) ? 1 : 0;
}

function begin(options: Arguments, wanted: readonly Contender[]): Run {
  const missing = new Map(
    wanted.flatMap((contender) => {
      const why = contender.missing?.();
      return why === undefined ? [] : [[contender.id, `${contender.title}: ${why}`] as const];
    }),
  );
  const present = wanted.filter(({ id }) => !missing.has(id));
  const { rounds, seconds } = planOf(options);
  return {
    machine: machine(),
    commit: commit(),
    began: Math.floor(Date.now() / 1_000),
    how: `${rounds} rounds of ${seconds} s`,
    versions: Object.fromEntries(present.map((contender) => [contender.id, contender.version()])),
    leftOut: [...missing.values()],
    results: [],
  };
}

async function play(workload: Workload, present: readonly Contender[], options: Arguments): Promise<Result | undefined> {
  const { id, title, kind } = workload;
  const about = { workload: id, title };
  const tell = (text: string): void => progress(`${id}: ${text}`);
  if (kind === 'pick') {
    tell('in process');
    return { ...about, kind, picks: playPick() };
  }
  const rows = present.filter((contender) => {
    const asked = workload.contenders.includes(contender.id);
    const why = asked ? contender.unfit?.(workload) : undefined;
    if (why !== undefined) say(`\n${title}: without ${contender.title}, ${why}`);
    return asked && why === undefined;
  });
  if (rows.length === 0) return undefined;
  const plan = planOf(options);
  if (kind === 'memory') {
    const found = await playMemory(workload, rows, plan, tell);
    return { ...about, kind, contenders: Array.from(found, ([contender, of]) => ({ id: contender, ...of })) };
  }
  const found = await playCalls(workload, rows, plan, tell);
  return { ...about, kind, contenders: Array.from(found, ([contender, rounds]) => ({ id: contender, rounds })) };
}

const planOf = ({ quick, rounds, seconds, repeats, cores }: Arguments): Plan => ({
  ...{ rounds: rounds ?? (quick ? 3 : 9), seconds: seconds ?? (quick ? 0.7 : 0.5) },
  ...{ repeats, cores },
});

const titleOf = (id: string): string => contenders.find((contender) => contender.id === id)?.title ?? id;

const listing = (): string => {
  const row = ({ id, title }: Workload | Contender): string => `  ${id.padEnd(16)}${title}`;
  return ['workloads', ...workloads.map(row), '', 'proxies', ...contenders.map(row)].join('\n');
};

/** `+` when the files are not those of the commit. */
function commit(): string {
  const git = (...words: string[]): string =>
    execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    clear();
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  },
);
