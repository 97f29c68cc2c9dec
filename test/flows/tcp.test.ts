/** Plain TCP through the built program: databases in the registry, an app that knows a port only. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call } from '../support/calls.js';
import { database, login, type Database } from '../support/database.js';
import { metric } from '../support/metric.js';
import { eventually, Sidecar, zidecar } from '../support/program.js';
import { RawServer, Wire } from '../support/raw.js';

describe('a port for plain TCP', { timeout: 240_000 }, () => {
  let folder = '';
  let sidecar: Sidecar;
  let at = '';
  const databases: Database[] = [];
  const node = (name: string): string => join(folder, 'services', 'db', name);
  const register = (name: string, port: number): Promise<void> =>
    writeFile(node(name), JSON.stringify({ address: '127.0.0.1', port }));
  const total = async (): Promise<number> =>
    (await sidecar.get<{ upstreams: { name: string; endpoints: unknown[] }[] }>('/upstreams')).upstreams.find(
      ({ name }) => name === 'db',
    )!.endpoints.length;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-tcp-'));
    await mkdir(join(folder, 'services', 'db'), { recursive: true });
    databases.push(await database('one'), await database('two'), await database('three'));
    sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'db@tcp:0', ZIDECAR_GRACE: '5s' });
    at = await sidecar.at('upstream', 'db');
    await eventually(async () => (await (await fetch(`http://${await sidecar.at('health')}/ready`)).text()) === 'ready\n'); // and has a list
  });
  after(async () => {
    sidecar.kill();
    await Promise.all(databases.map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('closes connections at once while nobody is registered, and says why once', async () => {
    for (let n = 0; n < 3; n++) await rejects(login(at));
    match(
      String((await sidecar.fact('connections_refused'))['msg']),
      /^db: connections are refused \(no_endpoints\): no endpoints for "db"/,
    );
    equal(sidecar.lines.filter(({ kind }) => kind === 'connections_refused').length, 1);
    await eventually(async () => (await metric(sidecar, 'zidecar_requests_total{service="db",code="no_endpoints"}')) === 3);
  });

  it('spreads sessions over those that are registered, by how many each has', async () => {
    await Promise.all(['one', 'two', 'three'].map((name, index) => register(name, databases[index]!.port)));
    await eventually(async () => (await total()) === 3);
    const sessions = await Promise.all(Array.from({ length: 30 }, () => login(at)));
    const each = databases.map((one) => one.sessions);
    equal(
      each.every((count) => count >= 5),
      true,
      `${each.join(', ')} sessions`,
    );
    for (const session of sessions) equal(await session.query('select 1'), `${session.name}: select 1`);
    equal(await sessions[0]!.query('rows 20000'), `${sessions[0]!.name}: rows 20000`);
    equal(await metric(sidecar, 'zidecar_requests_in_flight{service="db"}'), 30);
    await Promise.all(sessions.map((session) => session.close()));
    await eventually(async () => (await metric(sidecar, 'zidecar_requests_total{service="db",code="ended"}')) === 30);
    equal((await metric(sidecar, 'zidecar_tunnel_bytes_total{service="db",direction="received"}')) > 20_000 * 15, true);
    equal(await metric(sidecar, 'zidecar_requests_lost_total{service="db"}'), 3);
  });

  it('loses no new session when a database is gone and still registered', async () => {
    await databases[0]!.stop();
    databases.shift();
    for (let n = 0; n < 12; n++) {
      const session = await login(at);
      equal(session.name === 'one', false);
      await session.close();
    }
    const { out } = await zidecar(['why', 'db'], { ZIDECAR_ADMIN: await sidecar.at('admin') });
    match(out, /^db: (ill|well) since /);
  });

  it('does not answer HTTP for that name, and says so in status', async () => {
    const { status, body } = await call(await sidecar.at('outbound'), 'db');
    deepEqual(
      [status, JSON.parse(body)],
      [
        404,
        {
          error: 'unknown_upstream',
          message: '"db" is reached by plain TCP, on the port that ZIDECAR_UPSTREAMS gives it, not by HTTP',
        },
      ],
    );
    const admin = { ZIDECAR_ADMIN: await sidecar.at('admin') };
    match(
      (await zidecar(['why', '--call', 'http://db/x'], admin)).out,
      /^refused +unknown_upstream: "db" is reached by plain TCP/m,
    );
    const { out } = await zidecar(['status'], admin);
    match(out, new RegExp(`db \\(tcp\\) ${at}`));
    const check = await zidecar(['check'], { ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'db@tcp:7002' });
    match(check.out.replace(/\s+/g, ' '), /db .*plain TCP on 127\.0\.0\.1:7002 and \[::1\]:7002, policy least_request/);
  });

  it('carries on while the sidecar drains, and ends sessions in order when it stops', async () => {
    const session = await login(at);
    sidecar.signal('SIGTERM');
    await sidecar.fact('phase_changed', { phase: 'draining' });
    equal(await session.query('select 2'), `${session.name}: select 2`);
    await rejects(async () => {
      for (;;) await session.query('select 3');
    }, /the connection is over/);
    equal(await sidecar.ended(), 0);
    await eventually(() => databases.every(({ sessions }) => sessions === 0));
  });
});

describe('a port for plain TCP with settings of its own', { timeout: 240_000 }, () => {
  const servers: RawServer[] = [];
  let folder = '';
  let sidecar: Sidecar;
  const app = async (upstream: 'db' | 'idle' = 'db'): Promise<Wire> =>
    Wire.dial(Number((await sidecar.at('upstream', upstream)).split(':').at(-1)));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zidecar-tcp-'));
    for (const service of ['db', 'idle']) await mkdir(join(folder, 'services', service), { recursive: true });
    for (const weight of [3, 1]) {
      const server = await RawServer.start(async (wire) => {
        for (;;) {
          const line = await wire.until('\n').catch(() => undefined);
          if (line === undefined) return void wire.write(`and ${(await wire.rest()).text}`).end();
          wire.write(`${weight} heard ${line}`);
        }
      });
      servers.push(server);
      const instance = {
        address: '127.0.0.1',
        port: server.port,
        payload: { '@class': 'java.util.HashMap', weight: `${weight}` },
      };
      for (const service of ['db', 'idle'])
        await writeFile(join(folder, 'services', service, `weighs-${weight}`), JSON.stringify(instance));
    }
    const port = 'tcp:0';
    const upstreams = { db: { port }, idle: { port, tunnelIdleTimeout: '1s' } };
    await writeFile(join(folder, 'zidecar.yaml'), JSON.stringify({ policy: 'weighted_round_robin', upstreams }));
    sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_CONFIG: join(folder, 'zidecar.yaml') });
    for (const upstream of Object.keys(upstreams)) await sidecar.fact('endpoints_changed', { upstream, total: 2 });
  });
  after(async () => {
    sidecar.kill();
    await Promise.all(servers.map((each) => each.stop()));
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('shares connections by weight', async () => {
    const wires = await Promise.all(Array.from({ length: 8 }, () => app()));
    const heard = await Promise.all(wires.map((wire) => wire.write('a\n').until('\n')));
    equal(heard.filter((line) => line === '3 heard a\n').length, 6);
    for (const wire of wires) wire.reset();
  });

  it('lets one side end while the other still speaks', async () => {
    const { text, end } = await (await app()).write('last words').end().rest();
    deepEqual([text, end], ['and last words', 'ended']);
  });

  it('ends a connection on which nothing moves, and counts it', async () => {
    const silent = await app('idle');
    silent.write('a\n');
    await silent.gone();
    silent.end();
    const code = 'zidecar_requests_total{service="idle",code="tunnel_idle"}';
    await eventually(async () => (await metric(sidecar, code)) === 1);
  });
});
