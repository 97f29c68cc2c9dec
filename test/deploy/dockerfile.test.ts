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
  .flatMap(({ rest }) => rest.split(' ').slice(0, -1))
  .filter((source) => !source.startsWith('--'));

describe('Dockerfile', () => {
  it('has nothing that the linter objects to', () => {
    deepEqual(lint('.', dockerfile), []);
  });

  it('builds on one exact version of Node and Debian, and ends on an image without a shell of the same Debian', () => {
    const bases = stages.map((stage) => stage[0]!.rest.split(' ')[0]!);
    const [node] = bases;
    match(node!, /^node:24\.\d+\.\d+-bookworm$/);
    deepEqual(bases, [node, node, node, 'gcr.io/distroless/cc-debian12:nonroot']);
  });

  it('compiles the addon in a stage, and asserts in another that it loads', () => {
    match(all(stages[0]!, 'RUN').join(), /npm ci --omit=dev .*npm rebuild zookeeper/);
    match(all(stages[2]!, 'RUN').join(), /prune\.js \..*node -e "import\('zookeeper'\)"/);
  });

  it('runs nothing in the last stage, and takes all of it from the stage before but the command', () => {
    deepEqual(all(last, 'RUN'), []);
    const copies = all(last, 'COPY').filter((copy) => !copy.startsWith('--from=program '));
    deepEqual(copies, ['--chmod=755 deploy/image/zidecar /usr/local/bin/zidecar']);
  });

  it('runs as a user that is not root, by number, after everything that needs root', () => {
    match(one(last, 'USER'), /^[1-9]\d*:[1-9]\d*$/);
    const after = last.slice(last.findIndex(({ word }) => word === 'USER') + 1).map(({ word }) => word);
    deepEqual(after, ['EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']);
  });

  it('asks for its health by a program that the build makes, without a shell', () => {
    const [node, program, ...rest] = JSON.parse(one(last, 'HEALTHCHECK').replace(/^.*? CMD /, '')) as string[];
    deepEqual([node, rest], ['/usr/local/bin/node', []]);
    ok(existsSync(new URL(program!.replace('/opt/zidecar/dist/', '').replace(/\.js$/, '.ts'), root)), program);
  });

  it('starts the program of package.json, and `run` unless told otherwise', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: { zidecar: string } };
    deepEqual(JSON.parse(one(last, 'ENTRYPOINT')), [
      '/usr/local/bin/node',
      '--max-semi-space-size=4',
      `/opt/zidecar/${bin.zidecar}`,
    ]);
    deepEqual(JSON.parse(one(last, 'CMD')), ['run']);
  });

  it('says whose it is in the labels of the Open Container Initiative', () => {
    const labels = [...one(last, 'LABEL').matchAll(/org\.opencontainers\.image\.(\w+)=/g)].map((label) => label[1]!);
    deepEqual(labels, ['title', 'description', 'licenses', 'version', 'revision', 'created']);
  });
});

describe('docker-bake.hcl', () => {
  const bake = read('deploy/image/docker-bake.hcl');

  it('sets every argument that the Dockerfile takes, and the time of everything in the image', () => {
    const [, args] = /args = \{([^}]*)\}/.exec(bake)!;
    const set = [...args!.matchAll(/(\w+) *= \1/g)].map(([, name]) => name!);
    deepEqual(set.sort(), ['SOURCE_DATE_EPOCH', ...all(last, 'ARG').map((arg) => arg.split('=')[0]!)].sort());
    for (const name of set) match(bake, new RegExp(`^variable "${name}" \\{ default = ".+" \\}$`, 'm'));
  });

  it('builds a release for two architectures, with a bill of materials, where it came from, and fixed times', () => {
    const release = bake.slice(bake.indexOf('target "release"'));
    match(release, /"linux\/amd64", "linux\/arm64"/);
    match(release, /"type=sbom", "type=provenance,mode=max"/);
    match(release, /rewrite-timestamp=true/);
  });
});

describe('.dockerignore', () => {
  const rules = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  it('keeps everything out, node_modules, .git and dist among it, but what the Dockerfile copies', () => {
    equal(rules[0], '*');
    const letIn = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
    deepEqual(letIn.sort(), [...new Set(copiedFromHere.filter((name) => !name.includes('/')))].sort());
  });

  it('names nothing that is not there', () => {
    for (const name of copiedFromHere) ok(existsSync(new URL(name, root)), name);
  });
});
