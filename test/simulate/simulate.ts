/**
 * `npm run simulate [word] [seed]`: plays every scenario whose name holds the word with each of its setups, prints a table for each, and,
 * where all were played, writes RESULTS.md and its plots beside this file. The same seed, the same numbers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lines } from './lines.js';
import { markdown, table } from '../bench/table.js';
import { comparisons, head, policyOnly, rowOf } from './facts.js';
import { play } from './play.js';
import { many } from './scenarios.js';

const [word = '', seedText = '1'] = process.argv.slice(2);
const seed = Number(seedText);
const folder = join(process.cwd(), 'test', 'simulate');
const all = [
  ...comparisons,
  ...[many(2_000, 50), many(50, 2_000)].map((scenario) => ({
    scenario,
    setups: (['random', 'least_request', 'peak_ewma'] as const).map(policyOnly),
  })),
];
const pages: string[] = [];
const began = process.hrtime.bigint();
mkdirSync(join(folder, 'plots'), { recursive: true });
for (const { scenario, setups } of all.filter(({ scenario: { name } }) => name.includes(word))) {
  const played = setups.map((setup) => ({ setup, result: play(scenario, setup, seed) }));
  const rows = [[...head], ...played.map(({ setup, result }) => rowOf(setup, result))];
  console.log(`\n${scenario.name}: ${scenario.what}\n\n${table(rows)}`);
  const plot = `plots/${scenario.name.replace(/[^a-z0-9]+/g, '-')}.svg`;
  if (word === '')
    writeFileSync(
      join(folder, plot),
      lines({
        title: `${scenario.name}: p99 of each second`,
        unit: `${scenario.what}; milliseconds, cut at one second`,
        longest: 1_000,
        series: played.map(({ setup, result }) => ({ label: setup.name, values: result.p99BySecond })),
      }),
    );
  pages.push(
    `## ${scenario.name}\n\n${scenario.what[0]!.toUpperCase()}${scenario.what.slice(1)}.\n\n${markdown(rows)}\n\n![](${plot})\n`,
  );
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
console.log(`\n${seconds.toFixed(1)} s`);
if (word === '') {
  const intro = `# What the simulator says\n\nMade by \`npm run simulate\`, seed ${seed}; what follows from it stands in lb/README.md.\n`;
  writeFileSync(join(folder, 'RESULTS.md'), [intro, ...pages].join('\n'));
}
