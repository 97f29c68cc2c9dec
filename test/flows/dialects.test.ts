/** The built program in every dialect on a real ZooKeeper: a fleet that moves, weights and drains, and peers in a second registry. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { dialects } from '../../agent/registry/dialects/dialects.js';
import { app, call, Calling, type App } from '../support/calls.js';
import { Curator } from '../support/curator.js';
import { eventually, lint, services, Sidecar } from '../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

interface Upstreams {
  readonly upstreams: readonly {
    readonly name: string;
    readonly endpoints: readonly { readonly id: string; readonly weight: number }[];
  }[];
}

describe('sidecars in every dialect', { timeout: 480_000 }, () => {
  let server: ZooKeeperServer;
  let curator: Curator;
  let folder = '';
  const running: Sidecar[] = [];
  const apps: App[] = [];
  let files = 0;

  const start = async (yaml: string, env: Record<string, string> = {}): Promise<Sidecar> => {
    const config = join(folder, `${files++}.yaml`);
    await writeFile(config, yaml);
    const sidecar = Sidecar.start({
      ZIDECAR_ZOOKEEPER: server.connect,
      ZIDECAR_ZOOKEEPER_CLIENT: 'wire',
      ZIDECAR_SESSION_TIMEOUT: '30s',
      ZIDECAR_CONFIG: config,
      ...env,
    });
    running.push(sidecar);
    return sidecar;
  };
  /** An app of this name, announced under each service in its sources. */
  const instance = async (name: string, rows: Readonly<Record<string, string>>): Promise<Sidecar> => {
    const beside = await app(name);
    apps.push(beside);
    const announce = Object.entries(rows).map(
      ([service, sources]) => `  - { service: ${service}, port: ${beside.port}, dialects: '${sources}' }`,
    );
    const sidecar = await start(`announce:\n${announce.join('\n')}\n`, {
      ...{ ZIDECAR_INSTANCE_ID: name, ZIDECAR_PROBE_INTERVAL: '200ms', ZIDECAR_OUTBOUND: 'off', ZIDECAR_DRAIN_WAIT: '500ms' },
    });
    await eventually(async () => {
      const { announcements } = await sidecar.get<{ announcements: { fact: string }[] }>('/announcement');
      return announcements.every(({ fact }) => fact === 'announced');
    });
    return sidecar;
  };
  const endpoints = async (sidecar: Sidecar, name: string): Promise<readonly string[]> => {
    const { upstreams } = await sidecar.get<Upstreams>('/upstreams');
    return (
      upstreams
        .find((one) => one.name === name)
        ?.endpoints.map(({ id, weight }) => `${id} ${weight}`)
        .sort() ?? []
    );
  };
  const holds = (sidecar: Sidecar, name: string, expected: readonly string[]): Promise<boolean> =>
    eventually(async () => String(await endpoints(sidecar, name)) === String(expected));

  before(async () => {
    requireZooKeeper();
    server = await ZooKeeperServer.start();
    curator = await Curator.start(server.connect);
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
  });
  after(async () => {
    for (const sidecar of running) sidecar.kill();
    curator.kill();
    await Promise.all(apps.map((each) => each.close()));
    await server.remove();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('move a fleet from serverset to curator without a flag day and without a lost call', async () => {
    const generation = (number: number, sources: string): Promise<readonly Sidecar[]> =>
      Promise.all(['a', 'b'].map((name) => instance(`${name}${number}`, { orders: sources })));
    let fleet = await generation(1, 'serverset');
    const caller = await start('upstreams: orders=serverset+curator\n');
    await holds(caller, 'orders', ['a1 1', 'b1 1']);
    const calling = new Calling(await caller.at('outbound'), 'orders', { workers: 3 });
    for (const [step, sources] of ['serverset+curator', 'curator'].entries()) {
      const next = await generation(step + 2, sources);
      deepEqual(await Promise.all(fleet.map((old) => old.stop())), [0, 0]);
      fleet = next;
      await holds(caller, 'orders', [`a${step + 2} 1`, `b${step + 2} 1`]);
      const before = calling.total;
      await eventually(() => calling.total >= before + 20); // by those two alone, some of them begun before
    }
    const { lost, by } = await calling.stop();
    deepEqual(lost, []);
    deepEqual([...by.keys()].sort(), ['a1', 'a2', 'a3', 'b1', 'b2', 'b3']);
    deepEqual(
      (await curator.list('orders')).map((one) => one.split('=')[0]),
      ['a3', 'b3'],
    );
    match((await services(['--all', '--zookeeper', server.connect])).out, /orders +serverset +0 +0 +nobody/);
  });

  it('are weighed anew and drained in each of them, with nobody seen twice and no call lost', async () => {
    const names = [...dialects.keys()];
    const rows = Object.fromEntries(names.map((name) => [`in-${name}`, name]));
    const [one] = [await instance('one', rows), await instance('two', rows)];
    const caller = await start(
      `upstreams: ${Object.entries(rows)
        .map(([service, dialect]) => `${service}=${dialect}`)
        .join(',')}\n`,
    );
    for (const name of names) await holds(caller, `in-${name}`, ['one 1', 'two 1']);
    const outbound = await caller.at('outbound');
    const calling = names.map((name) => new Calling(outbound, `in-${name}`, { workers: 1, pauseMs: 20 }));

    await one.post('/announcement', { weight: 3 });
    for (const name of names) {
      await eventually(async () => {
        const seen = await endpoints(caller, `in-${name}`);
        equal(seen.length, 2, name);
        ok(
          seen.every((each) => /^(one [13]|two 1)$/.test(each)),
          String(seen),
        );
        return seen.includes('one 3');
      });
    }
    await one.post('/drain');
    for (const name of names) await holds(caller, `in-${name}`, ['two 1']);
    for (const each of calling) deepEqual((await each.stop()).lost, []);

    const { announcements } = await one.get<{ announcements: { service: string; fact: string }[] }>('/announcement');
    deepEqual(
      announcements.flatMap(({ service, fact }) => (fact === 'withdrawn' ? [] : [service])),
      ['in-spring'],
      'only a mark of OUT_OF_SERVICE stays',
    );
    await one.post('/undrain');
    for (const name of names) await holds(caller, `in-${name}`, ['one 3', 'two 1']);
    const found = await lint(['--zookeeper', server.connect]);
    equal(found.code, 0, found.out);
    match((await services(['in-serverset', '--zookeeper', server.connect])).out, /in-serverset: 2 instances, 2 routable/);
  });

  it('announce nobody beside the nodes of another dialect, nor an app that has registered itself, unless they are forced, and at the end tell of no withdrawal where nobody stood', async () => {
    await curator.register('mine', 'by-itself', '127.0.0.1', 4321);
    const twice = await start('announce: [{ service: mine, port: 4321, probe: none }]\n', { ZIDECAR_OUTBOUND: 'off' });
    match(
      String((await twice.fact('announce_failed'))['why']),
      /127\.0\.0\.1:4321 is registered already.*registerService.* or take its row out of announce/,
    );
    await curator.unregister('mine', 'by-itself');
    await twice.fact('announced');
    const announce = "announce: [{ service: mine, port: 4322, probe: none, dialects: 'spring' }]\n";
    const poison = await start(announce, { ZIDECAR_OUTBOUND: 'off' });
    match(
      String((await poison.fact('announce_failed'))['why']),
      /in use for the dialect curator .*say dialects: curator in its row .*ZIDECAR_FORCE=on/,
    );
    equal((await curator.list('mine')).length, 1);
    const forced = await start(announce, { ZIDECAR_OUTBOUND: 'off', ZIDECAR_FORCE: 'on' });
    await forced.fact('announced');
    const { code, out } = await lint(['mine', '--zookeeper', server.connect]);
    equal(code, 1);
    match(out, /Curator +break/);
    const isTold = async (sidecar: Sidecar): Promise<boolean> => {
      equal(await sidecar.stop(), 0);
      return sidecar.lines.some(({ kind }) => kind === 'withdrawal_spread');
    };
    const told = Promise.all([poison, forced].map(isTold)); // of nobody who never stood do the servers have to know
    await mkdir(join(folder, 'few/services/nobody'), { recursive: true });
    match(
      (await lint(['/services/nobody', '--zookeeper', `dir:${join(folder, 'few')}`])).out,
      /0 nodes \(curator\), none breaks a reader$/m,
    );
    deepEqual(await told, [false, true]);
  });

  it('find peers in a second registry too, and tell its session apart', async () => {
    const [near, far] = [await instance('near', { union: 'curator' }), await app('far')];
    apps.push(far);
    await mkdir(join(folder, 'tree/services/union'), { recursive: true });
    await writeFile(join(folder, 'tree/services/union/far'), JSON.stringify({ address: '127.0.0.1', port: far.port }));
    const second = `dir:${join(folder, 'tree')}`;
    const caller = await start(`upstreams:\n  union:\n    sources: [curator, { dialect: curator, zookeeper: '${second}' }]\n`);
    await holds(caller, 'union', ['far 1', 'near 1']);
    const outbound = await caller.at('outbound');
    deepEqual([(await call(outbound, 'union')).body, (await call(outbound, 'union')).body].sort(), ['far', 'near']);
    const { state, others } = await caller.get<{ state: string; others: { registry: string; state: string }[] }>('/session');
    deepEqual([state, others.map((one) => `${one.registry} ${one.state}`)], ['connected', [`${second} connected`]]);
    const metrics = await (await fetch(`http://${await caller.at('health')}/metrics`)).text();
    ok(
      metrics.includes(`zidecar_other_session_state{registry="${second}",state="connected"} 1`),
      metrics.match(/zidecar_.*session.*/g)?.join('\n'),
    );
    equal(await near.stop(), 0);
    await holds(caller, 'union', ['far 1']);
  });
});
