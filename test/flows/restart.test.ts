/** A sidecar that starts while ZooKeeper is down: with a snapshot of its own, with seeds, and with neither. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { app, call, type App } from '../support/calls.js';
import { eventually, Sidecar, zidecar } from '../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

interface Upstreams {
  readonly upstreams: readonly {
    readonly name: string;
    readonly list?: { from: string };
    readonly endpoints: readonly unknown[];
  }[];
}

describe('a sidecar that starts while ZooKeeper is down', { timeout: 240_000 }, () => {
  let server: ZooKeeperServer;
  let folder: string;
  const sidecars: Sidecar[] = [];
  let orders: App;
  before(async () => {
    requireZooKeeper();
    folder = mkdtempSync(join(tmpdir(), 'zidecar-state-'));
    server = await ZooKeeperServer.start();
    orders = await app('orders');
  });
  after(async () => {
    for (const sidecar of sidecars) sidecar.kill();
    await orders.close();
    await server.remove();
    rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }); // who was killed may still write
  });
  const start = (env: Record<string, string>): Sidecar => {
    const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: server.connect, ZIDECAR_UPSTREAMS: 'orders', ...env });
    sidecars.push(sidecar);
    return sidecar;
  };
  const snapshot = (): string => join(folder, 'lists.json');

  it('serves at once by its snapshot, is ready, and says how old it is', async () => {
    const instance = start({
      ...{ ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: String(orders.port), ZIDECAR_INSTANCE_ID: 'o1', ZIDECAR_OUTBOUND: 'off' },
      ZIDECAR_PROBE_INTERVAL: '50ms',
    });
    await instance.fact('announced');
    const first = start({ ZIDECAR_SNAPSHOT: snapshot() });
    await eventually(() => {
      try {
        return readFileSync(snapshot(), 'utf8').includes('"o1"');
      } catch {
        return false;
      }
    });
    first.kill();
    await server.kill();

    const second = start({ ZIDECAR_SNAPSHOT: snapshot(), ZIDECAR_START_WAIT: 'off' });
    match(String((await second.fact('snapshot_read'))['msg']), /^1 list read from .*, at most/);
    const at = await second.at('outbound');
    deepEqual(
      [(await call(at, 'orders')).body, (await call(at, 'orders', { method: 'POST', body: 'x' })).status],
      ['orders', 200],
    );
    equal((await fetch(`http://${await second.at('health')}/ready`)).status, 200);
    equal((await second.get<Upstreams>('/upstreams')).upstreams[0]!.list!.from, 'snapshot');
    const why = await zidecar(['why', 'orders'], { ZIDECAR_ADMIN: await second.at('admin') });
    match(why.out, /1 doubtful, list of the snapshot .* old[^]*doubtful, known from the snapshot on disk/);
    const dropped = await zidecar(['doubtful', 'orders', '--drop'], { ZIDECAR_ADMIN: await second.at('admin') });
    equal(dropped.code, 0, dropped.err);
    equal((await call(at, 'orders')).status, 503);
    second.kill();
  });

  it('takes nothing from a broken snapshot, and goes by its seeds', async () => {
    writeFileSync(snapshot(), readFileSync(snapshot(), 'utf8').replace('"o1"', '"o2"'));
    const sidecar = start({ ZIDECAR_SNAPSHOT: snapshot(), ZIDECAR_SEED: `orders=127.0.0.1:${orders.port}` });
    match(String((await sidecar.fact('snapshot_ignored'))['msg']), /1 of its services are broken/);
    equal((await call(await sidecar.at('outbound'), 'orders')).body, 'orders');
    equal((await sidecar.get<Upstreams>('/upstreams')).upstreams[0]!.list!.from, 'seed');
    await server.start();
    await sidecar.fact('session_changed', { state: 'connected' });
    await eventually(async () => {
      const { list, endpoints } = (await sidecar.get<Upstreams>('/upstreams')).upstreams[0]!;
      return (list?.from ?? 'registry') === 'registry' && endpoints.length === 1;
    });
    equal((await call(await sidecar.at('outbound'), 'orders')).body, 'orders');
  });
});
