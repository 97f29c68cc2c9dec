/** `kubectl zidecar` from both sides: what it asks of kubectl, and whether the real one finds it. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireHelm } from '../../support/helm.js';

const main = fileURLToPath(new URL('../../../agent/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'zidecar-plugin-'));
const plugin = join(folder, 'kubectl-zidecar');
const heard = join(folder, 'heard');
/** Writes down its words one a line, says something on each stream and ends with 7. */
const fake = mkdtempSync(join(tmpdir(), 'zidecar-kubectl-'));

before(() => {
  chmodSync(main, 0o755); // as npm run build does
  symlinkSync(main, plugin);
  writeFileSync(
    join(fake, 'kubectl'),
    `#!/bin/sh\nprintf '%s\\n' "$@" > '${heard}'\necho answered\necho trouble >&2\nexit "\${CODE:-0}"\n`,
    { mode: 0o755 },
  );
});
after(() => {
  for (const one of [folder, fake]) rmSync(one, { recursive: true });
});

function run(line: string, env: Record<string, string> = {}): { code: number | null; out: string; err: string; words: string[] } {
  rmSync(heard, { force: true });
  const path = [fake, process.env['PATH']].join(delimiter);
  const { status, stdout, stderr } = spawnSync(plugin, line === '' ? [] : line.split(' '), {
    encoding: 'utf8',
    env: { PATH: path, ...env },
  });
  let words: string[] = [];
  try {
    words = readFileSync(heard, 'utf8').trimEnd().split('\n');
  } catch {
    // kubectl was not asked
  }
  return { code: status, out: stdout, err: stderr, words };
}

describe('kubectl zidecar', () => {
  for (const [line, words] of [
    ['status orders-0', 'exec orders-0 -c zidecar -- zidecar status'],
    ['status orders-0 --json -n shop', '-n shop exec orders-0 -c zidecar -- zidecar status --json'],
    ['--context prod why deployment/orders users', '--context prod exec deployment/orders -c zidecar -- zidecar why users'],
    ['events orders-0', 'exec orders-0 -c zidecar -- zidecar events'],
    ['undrain orders-0', 'exec orders-0 -c zidecar -- zidecar undrain'],
    ['doubtful orders-0 users --drop', 'exec orders-0 -c zidecar -- zidecar doubtful users --drop'],
    ['why orders-0 --call /svc/users/ -H a:1', 'exec orders-0 -c zidecar -- zidecar why --call /svc/users/ -H a:1'],
    ['why orders-0 --call=/svc/users/', 'exec orders-0 -c zidecar -- zidecar why --call=/svc/users/'],
    ['drain orders-0 --namespace=shop --no-wait', '--namespace=shop exec orders-0 -c zidecar -- zidecar drain --no-wait'],
  ] as const) {
    it(`asks kubectl by ${line}`, () => {
      const { code, out, err, words: asked } = run(line);
      deepEqual([code, out, err, asked.join(' ')], [0, 'answered\n', 'trouble\n', words]);
    });
  }

  it('ends as the command in the pod ends', () => {
    equal(run('status orders-0', { CODE: '69' }).code, 69);
  });

  for (const [line, message] of [
    ['', /kubectl zidecar status POD/],
    ['stauts x', /^"stauts" is not a command; the nearest is status\. See kubectl zidecar help$/m],
    ['status', /^status needs a pod: kubectl zidecar status POD\./],
    ['why orders-0', /^why needs the name of a peer: kubectl zidecar why orders-0 NAME\./],
    ['why a b --call /x', /^why does not take "b"\./],
    ['status a b', /^status does not take "b"\./],
    ['status a -n', /^-n needs a value\./],
  ] as const) {
    it(`asks nothing, and ends with 64, at "${line}"`, () => {
      const { code, out, err, words } = run(line);
      deepEqual([code, out, words], [64, '', []]);
      match(err, message);
    });
  }

  it('does by itself what needs no cluster', () => {
    const { code, out, words } = run('inject --zookeeper zk:2181 test/deploy/inject/manifests/batch.yaml');
    deepEqual([code, words], [0, []]);
    match(out, /name: zidecar\n/);
    deepEqual([run('help').code, run('status --help').code], [0, 0]);
  });

  it('says so where there is no kubectl', () => {
    const node = join(folder, 'node');
    symlinkSync(process.execPath, node);
    const { status, stderr } = spawnSync(node, [plugin, 'status', 'x'], { encoding: 'utf8', env: { PATH: folder } });
    deepEqual([status, stderr], [69, 'zidecar: kubectl is not on the PATH\n']);
  });

  it('is found by kubectl itself', (t) => {
    if (!requireHelm(t)) return;
    const env = { PATH: [folder, process.env['PATH']].join(delimiter) };
    match(spawnSync('kubectl', ['plugin', 'list'], { encoding: 'utf8', env }).stdout, /kubectl-zidecar/);
    const { status, stdout } = spawnSync(
      'kubectl',
      ['zidecar', 'inject', '--zookeeper', 'zk:2181', 'test/deploy/inject/manifests/batch.yaml'],
      { encoding: 'utf8', env },
    );
    equal(status, 0);
    match(stdout, /name: zidecar\n/);
  });
});
