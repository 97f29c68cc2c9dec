/**
 * `npm run bench`: what zidecar costs, beside other proxies, in one run. README.md tells what is measured and how to trust it; read `main`
 * for the course of a run and rounds.ts for the heart of it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { chosen, help, parseArguments, type Arguments } from './arguments.js';
import { contenders } from './contenders/contenders.js';
import type { Contender } from './contenders/contender.js';
import { machine } from './machine.js';
import { compiler, scratch } from './native.js';
import { play } from './rounds.js';
import { summary, type Result } from './summary.js';
import { workloads, type Workload } from './workloads.js';

const isTerminal = process.stderr.isTTY;
const progress = (text: string): void => void process.stderr.write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
const say = (text: string): void => {
  if (isTerminal) process.stderr.write('\r\x1b[K');
  console.log(text);
};

async function main(): Promise<number> {
  const options = parseArguments(process.argv.slice(2));
  if (options.help || options.list) {
    say(options.help ? help : listing());
    return 0;
  }
  const toPlay = chosen(workloads, options.workloads, 'workload').filter(({ quick }) => !options.quick || quick === true);
  const wanted = chosen(contenders, options.proxies, 'proxy');
  if (compiler() === undefined)
    throw new Error('the load generator is written in C, and there is no compiler: apt-get install -y gcc libc6-dev');
  const present = wanted.filter((contender) => isHere(contender));
  const { cpu, cores, system, kernel } = machine();
  say(`${cpu}, ${cores} cores, ${system}, Linux ${kernel}; Node ${process.versions.node}`);

  const results: Result[] = [];
  for (const workload of toPlay) {
    const rows = present.filter(({ id }) => workload.contenders.includes(id));
    if (rows.length === 0) continue;
    const rounds = await play(workload, rows, planOf(options), (text) => progress(`${workload.id}: ${text}`));
    results.push({
      workload: workload.id,
      title: workload.title,
      contenders: [...rounds].map(([id, samples]) => ({ id, rounds: samples })),
    });
    say(`\n${workload.title}\n${summary(results.at(-1)!, titleOf)}`);
  }
  mkdirSync(scratch, { recursive: true });
  writeFileSync(`${scratch}/results.json`, JSON.stringify({ machine: machine(), results }, undefined, 1));
  say(`\nevery round: .build/bench/results.json`);
  return results.some(({ contenders: all }) => all.some(({ rounds }) => rounds.some(({ failed }) => failed > 0))) ? 1 : 0;
}

const planOf = ({ quick, rounds, seconds, repeats, cores }: Arguments): Parameters<typeof play>[2] => ({
  ...{ rounds: rounds ?? (quick ? 3 : 5), seconds: seconds ?? (quick ? 1 : 1.5) },
  ...{ repeats, cores },
});

/** Says so when one is not. */
function isHere(contender: Contender): boolean {
  const why = contender.missing?.();
  if (why !== undefined) say(`left out: ${contender.title}: ${why}`);
  return why === undefined;
}

const titleOf = (id: string): string => contenders.find((contender) => contender.id === id)?.title ?? id;

const listing = (): string => {
  const row = ({ id, title }: Workload | Contender): string => `  ${id.padEnd(16)}${title}`;
  return ['workloads', ...workloads.map(row), '', 'proxies', ...contenders.map(row)].join('\n');
};

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    progress('');
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
