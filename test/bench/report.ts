/**
 * Writes RESULTS.md and its plots. What stands between the two marks is made anew by every run; what is around them is written by people
 * (where the time goes, what was tried), and stays.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { plotsOf } from './plots.js';
import type { Run } from './results.js';
import { failuresOf, rowsOf, type TitleOf } from './summary.js';
import { markdown } from './table.js';

const folder = fileURLToPath(new URL('../../../test/bench/', import.meta.url));
const [BEGIN, END] = ['<!-- measured -->', '<!-- /measured -->'];

export function report(run: Run, titleOf: TitleOf): void {
  const plots = plotsOf(run.results, titleOf);
  rmSync(`${folder}plots`, { recursive: true, force: true });
  mkdirSync(`${folder}plots`);
  for (const [name, svg] of plots) writeFileSync(`${folder}plots/${name}.svg`, svg);

  const path = `${folder}RESULTS.md`;
  const before = readFileSync(path, 'utf8');
  const [head, tail] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (head < 0 || tail < head) throw new Error(`${path} needs the marks ${BEGIN} and ${END}: what is measured goes between them`);
  writeFileSync(
    path,
    `${before.slice(0, head)}${BEGIN}\n\n${measured(run, [...plots.keys()], titleOf)}\n\n${before.slice(tail)}`,
  );
}

export function measured(run: Run, plots: readonly string[], titleOf: TitleOf): string {
  const { machine, versions, results, leftOut, commit, how, began } = run;
  const { cpu, cores, memoryGb, system, kernel } = machine;
  return [
    `Measured ${new Date(began * 1_000).toISOString().slice(0, 10)} at commit ${commit}, ${how}.`,
    `Machine: ${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Linux ${kernel}.`,
    `Versions: ${[...new Set(Object.values(versions))].join('; ')}.`,
    ...leftOut.map((who) => `Left out: ${who}.`),
    ...plots.map((name) => `![${name}](plots/${name}.svg)`),
    ...results.flatMap((result) => [
      `### ${result.title}`,
      `\`npm run bench -- --workload ${result.workload}\``,
      markdown(rowsOf(result, titleOf)),
      ...failuresOf(result, titleOf),
    ]),
  ].join('\n\n');
}
