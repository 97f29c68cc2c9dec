/**
 * The compose file, run: each service a process in a network of its own (a companion in its app's), with the command and the environment that
 * stand in the file, the servers and Prometheus real ones. Then every expression of the dashboard and of the alerts is asked of that
 * Prometheus, and every name in it must be one that the sidecars tell.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { Tally } from '../../../deploy/webhook/tally.js';
import { holding } from '../../support/die-with-us.js';
import { needsProgram, needsRoot } from '../../support/needs.js';
import { eventually, Sidecar } from '../../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../../support/zookeeper.js';
import { Network, type Host } from '../../pod/network.js';
import { appOf, compose, environmentOf, ofImage } from './file.js';

const cannot = needsRoot() ?? needsProgram('prometheus');
const inImage = (word: string): string =>
  word.replace(/^(node|\/usr\/local\/bin\/node)$/, process.execPath).replace('/opt/zidecar/', `${process.cwd()}/`);

describe('compose.yaml, each service a process', { timeout: 240_000, skip: cannot }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-compose-'));
  const hosts = new Map<string, Host>();
  const sidecars = new Map<string, Sidecar>();
  const told: string[] = [];
  let network: Network;
  /** Again, when there is no answer: it has just been started, or the machine stood still. */
  const asked = (name: string, port: number, path: string): Promise<{ status: number; text: string }> =>
    eventually(() => network.node.get(hosts.get(name)!.address, port, path));
  const query = async (expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
    const path = `/api/v1/query?query=${encodeURIComponent(expression).replaceAll('%', '%%')}`;
    const { status, text } = await asked('prometheus', 9090, path);
    equal(status, 200, `${expression}: ${text}`);
    return (JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { data: { result: never } }).data.result;
  };

  before(async () => {
    requireZooKeeper();
    network = await Network.open();
    for (const [name, service] of Object.entries(compose.services))
      if (!appOf(service) && name !== 'grafana') hosts.set(name, await network.host(name));

    const servers = ofImage('zookeeper').map(([name, service]) => {
      const { ZOO_SERVERS = '', ZOO_MY_ID = '' } = environmentOf(service);
      const list = ZOO_SERVERS.split(' ').map((server) => server.replace(/;.*/, '').split('=') as [string, string]);
      const host = hosts.get(name)!;
      const cfg = { ...Object.fromEntries(list), id: Number(ZOO_MY_ID) };
      return ZooKeeperServer.create(host.address, 2181, cfg, { enter: host.enter, say: host.say.bind(host) });
    });
    for (const server of servers) server.launch();
    await Promise.all(servers.map((server) => server.ready()));

    for (const [name, service] of ofImage('zidecar-example')) {
      const [program, file] = service.command!;
      const child = hosts
        .get(name)!
        .spawn([inImage(program!), join('deploy/example', file!)], environmentOf(service), ['ignore', 'pipe', 'inherit']);
      createInterface(child.stdout!).on('line', (line) => told.push(`${name}: ${line}`));
    }
    for (const [name, service] of ofImage('zidecar')) {
      const command = [process.execPath, 'dist/agent/main.js', ...(service.command ?? ['run'])];
      const env = { NODE_ENV: 'production', ...environmentOf(service) };
      sidecars.set(name, Sidecar.of(hosts.get(appOf(service)!)!.spawn(command, env, ['ignore', 'pipe', 'pipe'])));
    }
    const { command = [], volumes = [] } = compose.services['prometheus']!;
    // what Compose mounts in one folder lies here in two
    const mounted = volumes
      .map((volume) => volume.split(':'))
      .map(([from, to]) => `mkdir -p ${folder}/$(dirname ${to}); cp ${resolve('deploy/compose', from!)} ${folder}/${to}`);
    await network.node.sh(mounted.join('; '));
    const flags = command.map((flag) => flag.replace('=/', `=${folder}/`));
    hosts.get('prometheus')!.spawn(['prometheus', ...flags, '--log.level=error'], {}, 'inherit');
    await eventually(async () => (await asked('prometheus', 9090, '/-/ready')).status === 200);
  });
  after(() => {
    network.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }); // who was killed may still write
  });

  it('registers what announces, and the caller’s calls to orders, and theirs to users, are answered', async () => {
    for (const [name, service] of ofImage('zidecar'))
      if (environmentOf(service)['ZIDECAR_SERVICE']) await sidecars.get(name)!.fact('announced');
    await eventually(() => told.some((line) => /^caller: [1-9]\d* answered, 0 lost$/.test(line)));
    deepEqual(
      told.filter((line) => !line.startsWith('caller:')),
      [],
    );
  });

  it('starts without the lists that an earlier run on this machine has left', () => {
    for (const { lines } of sidecars.values())
      deepEqual(
        lines.filter(({ kind }) => kind === 'snapshot_read'),
        [],
      );
  });

  it('is well by its own health checks', async () => {
    for (const [name, service] of ofImage('zidecar')) {
      const [kind, ...command] = service.healthcheck!.test;
      equal(kind, 'CMD');
      const words = command.map(inImage).map((word) => word.replace(/^\/.*\/dist\//, 'dist/'));
      const child = hosts.get(appOf(service)!)!.spawn(words, environmentOf(service), 'ignore');
      deepEqual(await holding(once(child, 'exit')), [0, null], name);
    }
  });

  it('is scraped, each sidecar under the name of its app', async () => {
    await eventually(async () => (await query('up == 1')).length === ofImage('zidecar').length);
    const names = (await query('up == 1')).map(({ metric }) => metric['instance']!.split(':')[0]!);
    deepEqual(
      names.sort(),
      ofImage('zidecar')
        .map(([, service]) => appOf(service)!)
        .sort(),
    );
  });

  const dashboard = JSON.parse(readFileSync('deploy/monitoring/dashboard.json', 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  const alerts = parse(readFileSync('deploy/monitoring/alerts.yaml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  };
  const panels = dashboard.panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => ({ expr: expr.replaceAll('$service', '.*') })),
  );
  const rules = alerts.groups.flatMap(({ rules }) => rules);

  it('tells every metric that a panel or an alert asks for', async () => {
    const { text } = await asked('orders', 6191, '/metrics');
    const caller = (await asked('caller', 6191, '/metrics')).text;
    const webhook = new Tally().text(); // which a cluster has, and Compose has not
    const names = new Set([...`${text}${caller}${webhook}`.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
    for (const { expr } of [...panels, ...rules])
      for (const [name] of expr.matchAll(/\b(zidecar|process|nodejs)_\w+/g))
        ok(names.has(name.replace(/_bucket$/, '')), `${name} in ${expr}`);
  });

  it('shows something in every panel', async () => {
    for (const { expr } of panels) await eventually(async () => (await query(expr)).length > 0);
  });

  it('alerts of nothing while all is well, though every alert can be asked', async () => {
    for (const { expr } of rules) await query(expr);
    deepEqual(await query('ALERTS{alertstate="firing"}'), []);
  });

  it('would alert of a sidecar that does not answer', async () => {
    sidecars.get('users-zidecar')!.signal('SIGKILL');
    await eventually(async () => (await query(rules.find(({ alert }) => alert === 'ZidecarDown')!.expr)).length === 1);
  });
});
