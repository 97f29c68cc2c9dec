/** What can be known of the image without an engine: the linter, the stages, what goes in, and who runs. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { run as lint } from 'dockerfilelint';

const root = new URL('../../../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');
const dockerfile = read('Dockerfile');

interface Instruction {
  readonly word: string;
  readonly rest: string;
}
const instructions: readonly Instruction[] = dockerfile
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => ({ word: line.split(' ')[0]!, rest: line.slice(line.indexOf(' ') + 1) }));

const starts = instructions.flatMap(({ word }, index) => (word === 'FROM' ? [index] : []));
const stages = starts.map((start, index) => instructions.slice(start, starts[index + 1]));
const last = stages.at(-1)!;
const all = (stage: readonly Instruction[], word: string): string[] =>
  stage.filter((instruction) => instruction.word === word).map(({ rest }) => rest);
const one = (stage: readonly Instruction[], word: string): string => {
  const found = all(stage, word);
  equal(found.length, 1, `${word} stands ${found.length} times`);
  return found[0]!;
};
const copiedFromHere = instructions
  .filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from='))
  .flatMap(({ rest }) => rest.split(' ').slice(0, -1));

describe('Dockerfile', () => {
  it('has nothing that the linter objects to', () => {
    deepEqual(lint('.', dockerfile), []);
  });

  it('builds in stages, and the last one begins from the slim image of the same Node', () => {
    deepEqual(
      stages.map((stage) => stage[0]!.rest.split(' ')[0]),
      ['node:24', 'node:24', 'node:24-slim'],
    );
  });

  it('compiles the addon in a stage, and asserts in the last one that it loads', () => {
    match(all(stages[0]!, 'RUN').join(), /npm rebuild zookeeper/);
    match(all(last, 'RUN').join(), /node -e "import\('zookeeper'\)"/);
  });

  it('takes production packages only into the last stage, and installs nothing there', () => {
    match(all(stages[0]!, 'RUN').join(), /npm ci --omit=dev/);
    const [modules, program] = all(last, 'COPY').filter((copy) => copy.startsWith('--from='));
    equal(modules, '--from=dependencies /zidecar/node_modules node_modules');
    equal(program, '--from=build /zidecar/dist dist');
    ok(!/npm|apt/.test(all(last, 'RUN').join()));
  });

  it('runs as a user that is not root, by number, after everything that needs root', () => {
    match(one(last, 'USER'), /^[1-9]\d*:[1-9]\d*$/);
    const after = last.slice(last.findIndex(({ word }) => word === 'USER') + 1).map(({ word }) => word);
    deepEqual(after, ['EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']);
  });

  it('asks for its health by a program that the build makes', () => {
    const [, program] = /CMD node \/opt\/zidecar\/dist\/(\S+)\.js "\$ZIDECAR_HEALTH"$/.exec(one(last, 'HEALTHCHECK'))!;
    ok(existsSync(new URL(`${program!}.ts`, root)));
  });

  it('starts the program of package.json, and `run` unless told otherwise', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: { zidecar: string } };
    deepEqual(JSON.parse(one(last, 'ENTRYPOINT')), ['node', `/opt/zidecar/${bin.zidecar}`]);
    deepEqual(JSON.parse(one(last, 'CMD')), ['run']);
  });

  it('says whose it is in the labels of the Open Container Initiative', () => {
    const labels = [...one(last, 'LABEL').matchAll(/org\.opencontainers\.image\.(\w+)=/g)].map((label) => label[1]!);
    deepEqual(labels, ['title', 'description', 'licenses', 'version', 'revision']);
  });
});

describe('.dockerignore', () => {
  const rules = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  it('keeps everything out, node_modules, .git and dist among it, but what the Dockerfile copies', () => {
    equal(rules[0], '*');
    const letIn = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
    deepEqual(letIn.sort(), [...new Set(copiedFromHere)].sort());
  });

  it('names nothing that is not there', () => {
    for (const name of copiedFromHere) ok(existsSync(new URL(name, root)), name);
  });
});
