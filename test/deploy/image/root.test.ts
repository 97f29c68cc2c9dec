/**
 * The image without an engine: a root folder of exactly what the last stage of the Dockerfile copies and what distroless/cc brings, entered
 * by chroot as the image's user, with nothing writable but the state. There is no shell in it, so whatever needs one fails here.
 */
import { equal, match, ok } from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { needsRoot } from '../../support/needs.js';
import { app, type App } from '../../support/calls.js';
import { makeProgram } from './tree.js';

/** Shared libraries of gcr.io/distroless/cc-debian12: of libc6, libgcc-s1, libstdc++6. */
const provided =
  /^(linux-vdso|ld-linux-[\w-]+|libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+|libatomic|libgomp|libssl|libcrypto)\.so/;
const addon = 'node_modules/zookeeper/build/Release/zookeeper.node';
const libraries = (file: string): { name: string; path: string }[] =>
  execFileSync('ldd', [file], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, name, path = name] = /^\s*(\S+)(?: => (\S+))? \(0x/.exec(line) ?? [];
      return name === undefined ? [] : [{ name: basename(name), path: path! }];
    });
const dockerfile = readFileSync('Dockerfile', 'utf8');
const [uid, gid] = /^USER (\d+):(\d+)$/m.exec(dockerfile)!.slice(1).map(Number) as [number, number];
const healthCheck = JSON.parse(/HEALTHCHECK[^[]*(\[.*\])/.exec(dockerfile)![1]!) as [string, ...string[]];
const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as [string, ...string[]];

describe('the image, as a root folder of its own', { timeout: 120_000 }, () => {
  let root = '';
  let orders: App | undefined;
  let sidecar: ChildProcess | undefined;
  const missing = needsRoot();
  const inside = (command: readonly string[], env: Record<string, string> = {}): readonly [string, string[], object] => [
    '/usr/sbin/chroot',
    [`--userspec=${uid}:${gid}`, root, ...command],
    { env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...env }, encoding: 'utf8' },
  ];
  const run = (command: readonly string[], env?: Record<string, string>): { status: number | null; out: string } => {
    const { status, stdout, stderr } = spawnSync(...inside(command, env)) as unknown as {
      status: number;
      stdout: string;
      stderr: string;
    };
    return { status, out: stdout + stderr };
  };

  before(async () => {
    if (missing !== undefined) return;
    root = mkdtempSync(join(tmpdir(), 'zidecar-root-'));
    execFileSync('chmod', ['755', root]);
    makeProgram(join(root, 'opt/zidecar'));
    for (const { path } of [...libraries(process.execPath), ...libraries(addon)].filter(({ path }) => path.startsWith('/'))) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      copyFileSync(path, join(root, path));
    }
    for (const folder of ['usr/local/bin', 'etc', 'var/lib/zidecar', 'dev', 'proc', 'tmp'])
      mkdirSync(join(root, folder), { recursive: true });
    copyFileSync(process.execPath, join(root, 'usr/local/bin/node'));
    copyFileSync('deploy/image/zidecar', join(root, 'usr/local/bin/zidecar'));
    writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
    execFileSync('mknod', ['-m', '666', join(root, 'dev/urandom'), 'c', '1', '9']);
    execFileSync('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
    execFileSync('chown', [`${uid}:${gid}`, join(root, 'var/lib/zidecar')]);
    orders = await app('orders');
  });
  after(async () => {
    sidecar?.kill('SIGKILL');
    await orders?.close();
    if (root !== '') rmSync(root, { recursive: true, maxRetries: 50, retryDelay: 100 }); // who was killed may still write
  });

  it('needs no library that the base image does not have', () => {
    const needed = [...libraries(process.execPath), ...libraries(addon)];
    ok(needed.length > 5);
    for (const { name } of needed) match(name, provided);
  });

  it('has no shell and answers to its name', { skip: missing }, () => {
    equal(run(['/bin/sh', '-c', 'true']).status, 127);
    match(run(['/usr/local/bin/zidecar', '--version']).out, /^\d+\.\d+\.\d+\n$/);
  });

  for (const client of ['wire', 'native'])
    it(`loads the ${client} client: it says that nobody listens, not that it was not built`, { skip: missing }, () => {
      const where = ['--zookeeper', '127.0.0.1:1', '--zookeeper-client', client];
      const { status, out } = run(['/usr/local/bin/zidecar', 'services', ...where]);
      equal(status, 69, out);
      match(out, /nothing listens at 127\.0\.0\.1:1/);
    });

  it('runs as a sidecar, passes its own health check, drains when asked, and ends with 0', { skip: missing }, async () => {
    const env = {
      ZIDECAR_ZOOKEEPER: 'dir:/var/lib/zidecar',
      ZIDECAR_SERVICE: 'orders',
      ZIDECAR_APP_PORT: String(orders!.port),
      ZIDECAR_OUTBOUND: '127.0.0.1:0',
      ZIDECAR_ADMIN: 'unix:/var/lib/zidecar/admin.sock',
      ZIDECAR_HEALTH: 'unix:/var/lib/zidecar/health.sock',
      ZIDECAR_DRAIN_WAIT: '100ms',
      ZIDECAR_GRACE: '1s',
      NODE_ENV: 'production',
    };
    sidecar = spawn(...inside([...entrypoint, 'run'], env));
    sidecar.stderr!.resume();
    let log = '';
    for await (const line of createInterface(sidecar.stdout!)) {
      log += `${line}\n`;
      if (line.includes('"kind":"announced"')) break;
    }
    match(log, /"kind":"announced"/);
    sidecar.stdout!.resume();
    equal(run(healthCheck, env).status, 0);
    match(run(['/usr/local/bin/zidecar', 'status'], env).out, /orders/);
    equal(run(['/usr/local/bin/zidecar', 'drain'], env).status, 0);
    sidecar.kill('SIGTERM');
    const [code] = (await once(sidecar, 'exit')) as [number];
    equal(code, 0, log);
    equal(run(healthCheck, env).status, 1);
  });
});
