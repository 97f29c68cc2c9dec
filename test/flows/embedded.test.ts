/** Several sidecars of one machine find each other in a folder: no Java, no server. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { app, call, Calling, type App } from '../support/calls.js';
import { eventually, services, Sidecar } from '../support/program.js';

describe('sidecars on the embedded tree', { timeout: 480_000 }, () => {
  let folder = '';
  const running: Sidecar[] = [];
  const apps: App[] = [];
  const start = (env: Record<string, string>): Sidecar => {
    const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_SESSION_TIMEOUT: '30s', ...env });
    running.push(sidecar);
    return sidecar;
  };
  const instance = async (id: string, weight = 1): Promise<Sidecar> => {
    const beside = await app(id);
    apps.push(beside);
    const sidecar = start({
      ZIDECAR_SERVICE: 'orders',
      ZIDECAR_INSTANCE_ID: id,
      ZIDECAR_APP_PORT: String(beside.port),
      ZIDECAR_WEIGHT: String(weight),
      ZIDECAR_PROBE_INTERVAL: '200ms',
      ZIDECAR_OUTBOUND: 'off',
    });
    await sidecar.fact('announced');
    return sidecar;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
  });
  after(async () => {
    for (const sidecar of running) sidecar.kill();
    await Promise.all(apps.map((each) => each.close()));
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('says at start that the tree is for one machine', async () => {
    const sidecar = start({});
    await sidecar.said((line) => /one machine/.test(String(line['msg'])), 'that it is for one machine');
    equal(await sidecar.stop(), 0);
  });

  it('says at start that it appends no address where it knows none but the loopback', async () => {
    const sidecar = start({ ZIDECAR_FORWARDED: 'append' });
    await sidecar.said((line) => /FORWARDED=append appends nothing.*ZIDECAR_ADVERTISE/.test(String(line['msg'])));
    equal(await sidecar.stop(), 0);
  });

  it('tells of attempts once the level of the log is trace, and of calls for nobody where every call is told', async () => {
    const sidecar = start({ ZIDECAR_UPSTREAMS: 'nobody', ZIDECAR_ACCESS_LOG: 'on' });
    const outbound = await sidecar.at('outbound');
    const peer = await app('peer');
    apps.push(peer);
    await mkdir(join(folder, 'services', 'nobody'), { recursive: true });
    await writeFile(join(folder, 'services', 'nobody', 'n1'), JSON.stringify({ address: '127.0.0.1', port: peer.port }));
    await sidecar.fact('endpoints_changed', { total: 1 });
    await call(outbound, 'nobody');
    await sidecar.fact('call_ended', { upstream: 'nobody', status: 200 });
    equal(
      sidecar.lines.some(({ kind }) => kind === 'attempt_ended'),
      false,
    );
    await sidecar.post('/log-level', { level: 'trace' });
    await call(outbound, 'nobody');
    await sidecar.fact('attempt_ended', { upstream: 'nobody', result: '200' });
    await call(outbound, 'stranger');
    await sidecar.fact('call_ended', { upstream: 'unknown', code: 'unknown_upstream' });
    await rm(join(folder, 'services', 'nobody'), { recursive: true });
    equal(await sidecar.stop(), 0);
  });

  it('loses no first call to a service whose members are registered by name', async () => {
    const peer = await app('peer', 0, 'localhost');
    apps.push(peer);
    await mkdir(join(folder, 'services', 'named'), { recursive: true });
    await writeFile(join(folder, 'services', 'named', 'n1'), JSON.stringify({ address: 'localhost', port: peer.port }));
    const sidecar = start({});
    const { status, body } = await call(await sidecar.at('outbound'), 'named');
    deepEqual([status, body], [200, 'peer']);
    equal(await sidecar.stop(), 0);
  });

  it('tells a few bad nodes of a service, counts the others, and is scraped while strangers hold its listener', async () => {
    const bad = join(folder, 'services', 'broken');
    await mkdir(bad, { recursive: true });
    for (let node = 0; node < 200; node++) await writeFile(join(bad, `n${node}`), 'no json');
    const sidecar = start({ ZIDECAR_UPSTREAMS: 'broken' });
    const health = await sidecar.at('health');
    const held = Array.from({ length: 200 }, () =>
      connect(Number(health.split(':')[1]), '127.0.0.1').on('error', () => undefined),
    );
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    const { msg } = await sidecar.fact('left_out', { of: 'znode_ignored' });
    match(String(msg), /^broken: and \d+ more nodes ignored: zidecar services broken$/);
    const told = (): number => sidecar.lines.filter(({ kind }) => kind === 'znode_ignored').length;
    const counted = (): number =>
      sidecar.lines.reduce((sum, line) => sum + (line['of'] === 'znode_ignored' ? Number(line['count']) : 0), 0);
    await eventually(() => told() + counted() === 200); // a slow machine reads them over more than one summary
    ok(told() < 20, `${told()} were told one by one`);
    const metrics = await (await fetch(`http://${health}/metrics`)).text();
    match(metrics, /zidecar_znodes_ignored_total\{reason="not_json"\} 200/);
    match(metrics, /zidecar_bound_reached_total\{bound="connections of the health listener"\} [1-9]/);
    for (const socket of held) socket.destroy();
    equal(await sidecar.stop(), 0);
  });

  it('leaves the node to a twin that lives, says what to do, and has it again when that one ends', async () => {
    const env = { ZIDECAR_SERVICE: 'twins', ZIDECAR_APP_PORT: '7', ZIDECAR_PROBE: 'none', ZIDECAR_OUTBOUND: 'off' };
    const [one, two] = [start(env), start(env)];
    const contested = /another live sidecar with our id, host and port .*: stop one of the two/;
    const loser = await eventually(() =>
      [one, two].find(({ lines }) => lines.some(({ kind }) => kind === 'announcement_contested')),
    );
    const { announcements } = await loser.get<{ announcements: { contested: string; fact: string }[] }>('/announcement');
    match(announcements[0]!.contested, contested);
    const metrics = await (await fetch(`http://${await loser.at('health')}/metrics`)).text();
    match(metrics, /zidecar_announcements_lost_total\{service="twins",by="taken_over"\} [1-9]/);
    const before = loser.lines.filter(({ kind }) => kind === 'announced').length;
    equal(await (loser === one ? two : one).stop(), 0);
    await eventually(() => loser.lines.filter(({ kind }) => kind === 'announced').length > before);
    equal(await loser.stop(), 0);
  });

  it('announces, routes by weight, and withdraws', async () => {
    await instance('a', 5);
    const b = await instance('b', 1);
    await instance('c', 1);
    const caller = start({ ZIDECAR_UPSTREAMS: 'orders', ZIDECAR_SLOW_START: 'off' }); // however long the three took to start
    const outbound = await caller.at('outbound');
    await eventually(
      async () =>
        (await caller.get<{ upstreams: { endpoints: unknown[] }[] }>('/upstreams')).upstreams[0]?.endpoints.length === 3,
    );

    const shares: Record<string, number> = {};
    for (let i = 0; i < 700; i++) {
      const { body } = await call(outbound, 'orders');
      shares[body] = (shares[body] ?? 0) + 1;
    }
    deepEqual(shares, { a: 500, b: 100, c: 100 });

    const calling = new Calling(outbound, 'orders');
    equal(await b.stop(), 0);
    await eventually(
      async () =>
        (await caller.get<{ upstreams: { endpoints: unknown[] }[] }>('/upstreams')).upstreams[0]?.endpoints.length === 2,
    );
    const { lost } = await calling.stop();
    deepEqual(lost, []);
    deepEqual((await readdir(join(folder, 'services/orders'))).filter((name) => !name.startsWith('.')).sort(), ['a', 'c']);
  });

  it('keeps the bytes that ZooKeeper would hold', async () => {
    const node = JSON.parse(await readFile(join(folder, 'services/orders/a'), 'utf8')) as Record<string, unknown>;
    equal(node['name'], 'orders');
    equal(node['id'], 'a');
    equal(node['address'], '127.0.0.1');
    deepEqual(node['payload'], { '@class': 'java.util.HashMap', weight: '5' });
  });

  it('takes a node that was written by hand for a static peer', async () => {
    const peer = await app('by hand');
    apps.push(peer);
    await mkdir(join(folder, 'services/users'), { recursive: true });
    await writeFile(
      join(folder, 'services/users/u1'),
      JSON.stringify({ name: 'users', id: 'u1', address: '127.0.0.1', port: peer.port, payload: null }),
    );
    const caller = start({});
    const outbound = await caller.at('outbound');
    equal((await call(outbound, 'users')).body, 'by hand');
    equal((await call(outbound, 'users.zk')).body, 'by hand');
    equal((await call(outbound, 'localhost', { path: '/svc/users/x' })).body, 'by hand');
  });

  it('says what to do when nobody is registered', async () => {
    const caller = start({});
    const { status, headers, body } = await call(await caller.at('outbound'), 'nobody');
    equal(status, 503);
    equal(headers['x-zidecar-error'], 'no_endpoints');
    match(
      (JSON.parse(body) as { message: string }).message,
      /no endpoints for "nobody" in \/services\/nobody: is it registered\? zidecar why nobody/,
    );
  });

  it('says of registered ones that nobody can be called of them why, and what to do for each reason', async () => {
    const rows = {
      drained: { id: 'd1', address: '10.0.0.1', port: 80, enabled: false },
      nameless: { id: 'n1', address: 'ghost.invalid', port: 80 },
      nowhere: { id: 'z1', address: '0.0.0.0', port: 80 },
      weightless: { id: 'w1', address: '10.0.0.1', port: 80, payload: { metadata: { weight: '0' } } },
    };
    for (const [name, row] of Object.entries(rows)) {
      await mkdir(join(folder, 'services', name), { recursive: true });
      await writeFile(join(folder, 'services', name, row.id), JSON.stringify({ name, payload: null, ...row }));
    }
    const outbound = await start({}).at('outbound');
    const said = async (name: string): Promise<string> => {
      const { status, headers, body } = await call(outbound, name);
      deepEqual([status, headers['x-zidecar-error']], [503, 'no_endpoints']);
      return (JSON.parse(body) as { message: string }).message;
    };
    match(
      await said('drained'),
      /: 1 registered, and drained or disabled \(zidecar undrain beside one of them, or enable it in the registry\); zidecar why drained$/,
    );
    match(
      await said('nameless'),
      /: the name ghost\.invalid does not resolve \(does getent hosts ghost\.invalid find it here\?\); /,
    );
    match(await said('nowhere'), /: 0\.0\.0\.0:80 gets no call: .*; zidecar why nowhere$/);
    match(await said('weightless'), /has weight 0 \(1 of 1\): give one a weight/);
  });

  it('is listed by zidecar services, which needs no sidecar', async () => {
    const { code, out } = await services(['--zookeeper', `dir:${folder}`]);
    equal(code, 0);
    match(out, /SERVICE +DIALECT +INSTANCES +ROUTABLE +PROBLEM/);
    match(out, /orders +curator +2 +2/);
  });

  it('shows zidecar services who was killed, though nobody lives to remove its node, and writes nothing', async () => {
    const alone = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    const beside = await app('killed');
    apps.push(beside);
    const killed = start({
      ZIDECAR_ZOOKEEPER: `dir:${alone}`,
      ZIDECAR_SERVICE: 'orders',
      ZIDECAR_INSTANCE_ID: 'killed',
      ZIDECAR_APP_PORT: String(beside.port),
    });
    await killed.fact('announced');
    const look = async (): Promise<string> => (await services(['--zookeeper', `dir:${alone}`])).out;
    match(await look(), /orders +curator +1 +1$/m);
    killed.kill();
    await killed.ended();
    const before = await readdir(alone, { recursive: true });
    match(await look(), /orders +curator +1 +0 +node killed: its process \(pid \d+\) has/);
    deepEqual(await readdir(alone, { recursive: true }), before);
    await rm(alone, { recursive: true });
  });

  it('loses the node of a killed process long before its session would end', async () => {
    const beside = await app('brief');
    apps.push(beside);
    const brief = start({
      ZIDECAR_SERVICE: 'brief',
      ZIDECAR_APP_PORT: String(beside.port),
      ZIDECAR_SESSION_TIMEOUT: '10m',
    });
    await brief.fact('announced');
    brief.kill();
    await eventually(async () => (await readdir(join(folder, 'services/brief'))).length === 0);
  });

  it('loses an instance that was killed hard, and no call with it', async () => {
    const caller = start({ ZIDECAR_UPSTREAMS: 'orders' });
    const outbound = await caller.at('outbound');
    const victim = await instance('victim');
    await eventually(async () => (await call(outbound, 'orders')).body === 'victim');
    const calling = new Calling(outbound, 'orders');
    victim.kill();
    await apps.find(({ name }) => name === 'victim')!.close();
    await eventually(async () => {
      const { upstreams } = await caller.get<{ upstreams: { endpoints: { id: string }[] }[] }>('/upstreams');
      return upstreams[0]?.endpoints.every(({ id }) => id !== 'victim');
    });
    deepEqual((await calling.stop()).lost, []);
  });
});
