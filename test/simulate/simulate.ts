/**
 * `npm run simulate -- [word] [seed]`: plays every scenario whose name holds the word with each of its setups, prints a table for each, and,
 * where all were played, writes RESULTS.md and its plots beside this file. The same seed, the same numbers. What it cannot read plays nothing.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lines } from './lines.js';
import { markdown, table } from '../bench/table.js';
import { comparisons, headOf, policyOnly, rowOf } from './facts.js';
import { play, type Result } from './play.js';
import { many } from './scenarios.js';

const words = process.argv.slice(2);
const [word = '', seedText = '1', ...more] = words;
const seed = Number(seedText);
const largestSeed = 0xffffffff;
const usage = 'npm run simulate -- [word] [seed]';
const folder = join(process.cwd(), 'test', 'simulate');
const all = [
  ...comparisons,
  ...[many(5_000, 50), many(50, 5_000)].map((scenario) => ({
    scenario,
    setups: (['random', 'least_request', 'peak_ewma'] as const).map(policyOnly),
  })),
];
const chosen = all.filter(({ scenario: { name } }) => name.includes(word));
if (words.some((one) => one === '--help' || one === '-h')) {
  console.log(help());
  process.exit(0);
}
const problem = wrong();
if (problem !== undefined) {
  console.error(problem);
  process.exit(64);
}
const pages: string[] = [];
const began = process.hrtime.bigint();
mkdirSync(join(folder, 'plots'), { recursive: true });
for (const { scenario, setups } of chosen) {
  const played = setups.map((setup) => ({ setup, result: play(scenario, setup, seed) }));
  const rows = [headOf(played[0]!.result), ...played.map(({ setup, result }) => rowOf(setup, result))];
  console.log(`\n${scenario.name}: ${scenario.what}\n\n${table(rows)}`);
  const name = scenario.name.replace(/[^a-z0-9]+/g, '-');
  const draw = (plot: string, title: string, longest: number, valuesOf: (result: Result) => readonly number[]): string => {
    const series = played.map(({ setup, result }) => ({ label: setup.name, values: valuesOf(result) }));
    const unit = `${scenario.what}; ${longest === 100 ? 'percent' : 'milliseconds, cut at one second'}`;
    if (word === '')
      writeFileSync(join(folder, 'plots', plot), lines({ title: `${scenario.name}: ${title}`, unit, longest, series }));
    return `![](plots/${plot})\n`;
  };
  const plots = [draw(`${name}.svg`, 'p99 of each second', 1_000, ({ p99BySecond }) => p99BySecond)];
  if (played.some(({ result }) => result.failedPercent > 0.05))
    plots.push(
      draw(`${name}-failed.svg`, 'calls that failed, of those of each second', 100, ({ failedBySecond }) => failedBySecond),
    );
  const what = `${scenario.what[0]!.toUpperCase()}${scenario.what.slice(1)}.`;
  pages.push(`## ${scenario.name}\n\n${what}\n\n${markdown(rows)}\n\n${plots.join('\n')}`);
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(`\n${seconds.toFixed(1)} s`);
if (word === '') {
  const intro = `# What the simulator says\n\nMade by \`npm run simulate\`, seed ${seed}; what follows from it stands in lb/README.md.\n`;
  writeFileSync(join(folder, 'RESULTS.md'), [intro, ...pages].join('\n'));
}

function wrong(): string | undefined {
  const option = words.find((text) => text.startsWith('-'));
  if (option !== undefined) return `"${option}" is no option; npm run simulate -- --help`;
  if (more.length > 0) return `${usage}: "${more.join(' ')}" is too much; a word with blanks goes in quotes`;
  if (chosen.length === 0)
    return `no scenario's name holds "${word}"; there are: ${all.map(({ scenario: { name } }) => name).join('; ')}`;
  if (/^\d+$/.test(seedText) && seed <= largestSeed) return undefined;
  return `"${seedText}" is no seed, which is a whole number from 0 to ${largestSeed}`;
}

function help(): string {
  const widest = Math.max(...all.map(({ scenario }) => scenario.name.length));
  return `${usage}     Plays fleets in trouble with the real deciders; test/simulate/README.md tells how.

  word    these scenarios only: part of a name, in quotes where it has blanks. Without one all are played, some minutes,
          and test/simulate/RESULTS.md and its plots are written.
  seed    of chance, a whole number from 0 to ${largestSeed}; 1 by default. The same seed, the same numbers.

The scenarios:

${all.map(({ scenario: { name, what } }) => `  ${name.padEnd(widest)}  ${what}`).join('\n')}

Five seconds of it:

  npm run simulate -- "loss of a zone" 7`;
}
