/**
 * The ensemble of the chart as real servers: its zoo.cfg and its passwords, with the folders, ports and names of this machine. Left out is
 * what Debian's package lacks, the metrics for Prometheus.
 */
import { equal, match } from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { textAt } from '../../deploy/inject/json.js';
import { dieWithUs, holding } from '../support/die-with-us.js';
import { objectsIn, render, requireHelm } from '../support/helm.js';
import { freePort } from '../support/ports.js';
import { eventually, zidecar } from '../support/program.js';
import { CLASS_PATH, requireZooKeeper } from '../support/zookeeper.js';

describe('the ensemble of the chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-ensemble-'));
  const servers: ChildProcess[] = [];
  let clients: number[] = [];
  let login = '';
  let script = '';
  let here = false;

  before(async () => {
    here = requireHelm() && requireZooKeeper();
    if (!here) return;
    const objects = objectsIn(render({ zookeeper: { enabled: true } }));
    const find = (kind: string, name: string, ...path: string[]): string =>
      textAt(
        objects.find((object) => object['kind'] === kind && textAt(object, 'metadata', 'name') === name),
        ...path,
      ) ?? '';
    const cfg = find('ConfigMap', 'zookeeper', 'data', 'zoo.cfg');
    script = find('ConfigMap', 'zookeeper', 'data', 'in-quorum.sh');
    login = find('Secret', 'zookeeper-client', 'stringData', 'login');
    const jaas =
      find('Secret', 'zookeeper-quorum', 'stringData', 'quorum.conf') +
      find('Secret', 'zookeeper-client', 'stringData', 'server.conf');
    writeFileSync(join(folder, 'jaas.conf'), jaas);
    writeFileSync(join(folder, 'login'), login);
    writeFileSync(
      join(folder, 'log4j.properties'),
      'log4j.rootLogger=ERROR, C\nlog4j.appender.C=org.apache.log4j.ConsoleAppender\nlog4j.appender.C.layout=org.apache.log4j.SimpleLayout\n',
    );
    const ports = await Promise.all(Array.from({ length: 9 }, () => freePort()));
    clients = ports.slice(0, 3);
    for (const [index, port] of clients.entries()) {
      const data = join(folder, String(index));
      mkdirSync(join(data, 'snapshots'), { recursive: true });
      writeFileSync(join(data, 'snapshots/myid'), String(index + 1));
      const own = cfg
        .replaceAll('/data/', `${data}/`)
        .replace('clientPort=2181', `clientPort=${port}`)
        .replace(/^metricsProvider.*\n/gm, '')
        .replace(
          /^server\.(\d)=.*$/gm,
          (_, id: string) => `server.${id}=127.0.0.1:${ports[2 + Number(id)]!}:${ports[5 + Number(id)]!}`,
        );
      writeFileSync(join(data, 'zoo.cfg'), own);
      const child = spawn(
        'java',
        [
          '-Xmx96m',
          '-XX:TieredStopAtLevel=1',
          '-cp',
          `${folder}:${CLASS_PATH}`,
          `-Djava.security.auth.login.config=${folder}/jaas.conf`,
          'org.apache.zookeeper.server.quorum.QuorumPeerMain',
          join(data, 'zoo.cfg'),
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      dieWithUs(child);
      servers.push(child);
    }
  });
  after(() => {
    for (const server of servers) server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }); // who was killed may still write
  });

  /** The readiness probe, as the kubelet would run it. */
  const ready = (port: number): boolean => {
    try {
      execFileSync('bash', ['-c', script.replace('/2181', `/${port}`)], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  it('is ready when its servers have found each other, each known by its password', async (t) => {
    if (!here) return t.skip();
    await holding(eventually(() => clients.every(ready)));
  });

  it('lets in whoever has the login of its Secret, and nobody else', async (t) => {
    if (!here) return t.skip();
    const args = ['services', '--zookeeper', clients.map((port) => `127.0.0.1:${port}`).join(','), '--zookeeper-client', 'wire'];
    const inside = await holding(zidecar(args, { ZIDECAR_ZOOKEEPER_AUTH_FILE: join(folder, 'login') }));
    match(inside.out, /there is no \/services/);
    const outside = await holding(zidecar(args));
    equal(outside.out, '', 'nothing is told without a login');
    writeFileSync(join(folder, 'wrong'), `${login}x`);
    const wrong = await holding(zidecar(args, { ZIDECAR_ZOOKEEPER_AUTH_FILE: join(folder, 'wrong') }));
    equal(wrong.out, '');
  });

  it('is ready with one server less, and not with two less', async (t) => {
    if (!here) return t.skip();
    servers[0]!.kill('SIGKILL');
    await holding(eventually(() => clients.slice(1).every(ready)));
    equal(ready(clients[0]!), false);
    servers[1]!.kill('SIGKILL');
    await holding(eventually(() => !ready(clients[2]!)));
  });
});
