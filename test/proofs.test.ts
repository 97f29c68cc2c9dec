/** What test/README.md names as the test of something is there: each case of the corpus, and in each file that title. */
import { deepEqual, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { answerCases, requestCases } from './lb/corpus/run.js';

const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts'));
const cases: Readonly<Record<string, ReadonlySet<string>>> = {
  requests: new Set(requestCases.map(({ name }) => name)),
  answers: new Set(answerCases.map(({ name }) => name)),
};

function found(file: string): string[] {
  if (file.startsWith('both/')) return [file.replace('both', 'lb/full'), file.replace('both', 'lb/fast')].flatMap(found);
  return files.filter((path) => [`/${file}.test.ts`, `/${file}.long.test.ts`].some((end) => `/${path}`.endsWith(end)));
}

function missing(file: string, title: string): boolean {
  const names = cases[file];
  if (names !== undefined) return !names.has(title);
  const paths = found(file);
  if (file.startsWith('both/') && paths.length !== 2) return true;
  return !paths.some((path) => readFileSync(`test/${path}`, 'utf8').includes(title));
}

it('every test that a table of the README names is there', () => {
  const readme = readFileSync('test/README.md', 'utf8');
  const rows = readme.match(/^\| .* \| .*`.*\*.*\|$/gm) ?? [];
  ok(rows.length > 40, `${rows.length} rows`);
  const wrong: string[] = [];
  for (const row of rows.map((each) => each.slice(each.indexOf(' | ')))) {
    let named: string[] = [];
    for (const [, one, other, title] of row.matchAll(/`([^`]+)`(?: and `([^`]+)`)?|\*([^*]+)\*/g)) {
      if (title !== undefined) {
        for (const file of named) if (missing(file, title)) wrong.push(`no "${title}" in ${file}`);
        continue;
      }
      named = [one, other].filter((file) => file !== undefined);
      for (const file of named) if (!(file in cases) && found(file).length === 0) wrong.push(`no test ${file}`);
    }
  }
  deepEqual(wrong, []);
});
