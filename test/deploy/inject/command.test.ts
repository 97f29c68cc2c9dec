/** `zidecar inject` as a user runs it: files, folders and pipes in; manifests, remarks and an exit code out. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { container, containerKeys } from '../../../agent/config/container.js';
import { unifiedDiff } from '../../../deploy/inject/text-diff.js';
import { seeded } from '../../support/random.js';
import { zidecar } from '../../support/program.js';

const manifests = fileURLToPath(new URL('../../../../test/deploy/inject/manifests/', import.meta.url));
const shop = join(manifests, 'shop.yaml');
const folder = mkdtempSync(join(tmpdir(), 'zidecar-inject-'));
after(() => rmSync(folder, { recursive: true }));
const zk = ['--zookeeper', 'zk:2181'];

/** With something to read on its standard input. */
async function piped(args: readonly string[], input: string): Promise<{ code: number; out: string; err: string }> {
  const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'inject', ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

describe('zidecar inject', () => {
  it('prints the manifests with sidecars, and says on the other stream what it did', async () => {
    const { code, out, err } = await zidecar(['inject', ...zk, '--image', 'registry.example.com/zidecar:7', shop]);
    equal(code, 0);
    match(out, /image: registry\.example\.com\/zidecar:7\n/);
    equal(
      err,
      `deployment/cart injected: announces cart on port 8080, probe http://127.0.0.1:8081/actuator/health/readiness
deployment/cart: announces port 8080, not 8081 (management): config.zidecar.dev/app-port chooses
deployment/cart: container log-shipper keeps its own preStop hook, which has to last 5 s at the least
`,
    );
  });

  it('reads the standard input, and takes the sidecars out again', async () => {
    const text = readFileSync(shop, 'utf8');
    const once = await piped(zk, text);
    ok(once.out.length > text.length);
    const back = await piped(['--uninject', '-'], once.out);
    equal(back.out, text);
    equal(back.err, 'deployment/cart uninjected\n');
  });

  it('takes settings from flags before the environment', async () => {
    const env = { ZIDECAR_ZOOKEEPER: 'env:2181', ZIDECAR_DIALECT: 'spring' };
    const { out } = await zidecar(['inject', ...zk, '--http-proxy', 'on', shop], env);
    match(out, /name: ZIDECAR_ZOOKEEPER\n +value: zk:2181\n/);
    match(out, /name: ZIDECAR_DIALECT\n +value: spring\n/);
    match(out, /preStop:\n +sleep:\n +seconds: 40\n/);
    match(out, /name: http_proxy\n/);
  });

  it('reads a folder in the order of its names, as one stream of documents', async () => {
    mkdirSync(join(folder, 'all/inner'), { recursive: true });
    writeFileSync(join(folder, 'all/b.yml'), 'kind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: b, image: b}]}');
    writeFileSync(
      join(folder, 'all/a.json'),
      '{"kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"a"}]}}',
    );
    writeFileSync(join(folder, 'all/inner/c.yaml'), '# c\n---\nkind: ConfigMap\n');
    writeFileSync(join(folder, 'all/readme.md'), '# no manifest');
    const { code, out, err } = await zidecar(['inject', ...zk, join(folder, 'all')]);
    equal(code, 0);
    deepEqual(out.match(/^(---|# c|kind: \w+|\{"kind":"Pod")/gm), [
      '{"kind":"Pod"',
      '---',
      'kind: Pod',
      '# c',
      '---',
      'kind: ConfigMap',
    ]);
    match(err, /a\.json: pod\/a injected[^\n]*\n[^\n]*b\.yml: pod\/b injected/);
  });

  it('prints a difference that patch(1) makes the same of', async () => {
    const file = join(folder, 'shop.yaml');
    writeFileSync(file, readFileSync(shop));
    const { out: diff } = await zidecar(['inject', ...zk, '--diff', file]);
    const { out } = await zidecar(['inject', ...zk, file]);
    equal(execFileSync('git', ['apply', '--unsafe-paths', '-p0', '--directory=/', '-'], { cwd: '/', input: diff }).length, 0);
    equal(readFileSync(file, 'utf8'), out);
  });

  it('ends with 1 when somebody has to mend something, and leaves that as it was', async () => {
    const wrong =
      'kind: Pod\nmetadata: {name: p, annotations: {config.zidecar.dev/weight: heavy}}\nspec: {containers: [{name: a, image: a}]}\n';
    const { code, out, err } = await piped(zk, wrong);
    equal(code, 1);
    equal(out, wrong);
    match(
      err,
      /^pod\/p left as it was: metadata\.annotations\["config\.zidecar\.dev\/weight"\]: "heavy" is not a number; accepted/,
    );
  });

  it('ends with 1 at a document that is no YAML, whatever is in it, and says which', async () => {
    const wrong = 'kind: ConfigMap\n---\nkind: Secret\ndata: {a: b\n';
    const { code, out, err } = await piped(zk, wrong);
    equal(code, 1);
    equal(out, wrong);
    match(err, /^document 2 \(from line 2\) left as it was: .* at line 5, column 1\n$/);
  });

  it('ends with 64 at a variable that looks like a setting and is none', async () => {
    const { code, out, err } = await zidecar(['inject', ...zk, shop], { ZIDECAR_PROBE_INTERVALL: '2s' });
    equal(code, 64);
    equal(out, '');
    match(err, /ZIDECAR_PROBE_INTERVALL is not a setting; the nearest is ZIDECAR_PROBE_INTERVAL/);
  });

  for (const [what, args, message] of [
    ['a flag with a wrong value', ['--weight', 'heavy', shop], /--weight="heavy" is not a number/],
    ['a row of the container with one', ['--memory-limit', 'much', shop], /--memory-limit="much" is not a quantity/],
    ['a file that is not there', ['no-such.yaml'], /"no-such\.yaml" cannot be read: there is no such file/],
    ['a folder without manifests', [], /has no manifests in it/],
    ['a flag that is none', ['--zookeper', 'x'], /inject does not take --zookeper; the nearest is --zookeeper/],
  ] as const) {
    it(`ends with 64 at ${what}`, async () => {
      const empty = what.includes('folder') ? [mkdtempSync(join(folder, 'empty-'))] : args;
      const { code, out, err } = await zidecar(['inject', ...empty]);
      equal(code, 64);
      equal(out, '');
      match(err, message);
    });
  }
});

describe('a difference', () => {
  it('is one that git applies, whatever the texts', () => {
    const chance = seeded(20261125);
    for (let round = 0; round < 25; round++) {
      const text = (): string =>
        Array.from({ length: Math.floor(chance() * 30) }, () => 'abc'[Math.floor(chance() * 3)]!).join('\n') +
        (chance() < 0.5 ? '\n' : '');
      const [before, after] = [text(), text()];
      const diff = unifiedDiff('f', before, after);
      if (before === after || before === '' || after === '') continue;
      const here = mkdtempSync(join(folder, 'diff-'));
      writeFileSync(join(here, 'f'), before);
      execFileSync('git', ['apply', '-p0', '--unidiff-zero', '-'], { cwd: here, input: diff });
      equal(readFileSync(join(here, 'f'), 'utf8'), after, `round ${round}: ${JSON.stringify([before, after])}`);
    }
  });
});

describe('the README of deploy', () => {
  it('has a row for each thing that can be said of the container', () => {
    const rows = readFileSync('deploy/README.md', 'utf8').split('\n');
    for (const key of containerKeys) {
      const { about, unset } = container[key];
      ok(rows.includes(`| \`zidecar.dev/${key}\` | \`--${key}\` | ${about} | ${unset} |`), key);
    }
  });
});
