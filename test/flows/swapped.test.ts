/**
 * Addresses that change hands while nobody can say so: two services swap theirs, and no call goes to the wrong one. Each pod has a loopback
 * address of its own, so that all sidecars can be asked on the port that everybody assumes.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { app, call, type App } from '../support/calls.js';
import { freePort } from '../support/ports.js';
import { eventually, Sidecar } from '../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

interface Upstreams {
  readonly upstreams: readonly { readonly name: string; readonly endpoints: readonly { readonly id: string }[] }[];
}

describe('two services that swap their addresses while ZooKeeper is down', { timeout: 240_000 }, () => {
  let server: ZooKeeperServer;
  const sidecars: Sidecar[] = [];
  const apps: App[] = [];
  let port = 0;
  before(async () => {
    requireZooKeeper();
    port = await freePort('127.0.9.1');
    server = await ZooKeeperServer.start();
  });
  after(async () => {
    for (const sidecar of sidecars) sidecar.kill();
    await Promise.all(apps.map((each) => each.close()));
    await server.remove();
  });

  const start = (env: Record<string, string>): Sidecar => {
    const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: server.connect, ZIDECAR_PROBE_INTERVAL: '50ms', ...env });
    sidecars.push(sidecar);
    return sidecar;
  };
  /** A pod: an app on the same port as others, of an address of its own, and its sidecar. */
  const pod = async (service: string, host: string): Promise<{ app: App; sidecar: Sidecar; end: () => Promise<void> }> => {
    const beside = await app(service, port, host);
    apps.push(beside);
    const sidecar = start({
      ...{ ZIDECAR_SERVICE: service, ZIDECAR_APP_PORT: String(port), ZIDECAR_APP_HOST: host, ZIDECAR_ADVERTISE: host },
      ...{ ZIDECAR_HEALTH: `${host}:6191`, ZIDECAR_OUTBOUND: 'off', ZIDECAR_SESSION_TIMEOUT: '8s' },
    });
    const end = async (): Promise<void> => {
      sidecar.kill();
      await Promise.all([sidecar.ended(), beside.close()]);
    };
    return { app: beside, sidecar, end };
  };
  /** Every connection is a new one. */
  const once = async (at: string, service: string): Promise<string> => {
    const { status, headers, body } = await call(at, service);
    return status === 200 ? body : String(headers['x-zidecar-error']);
  };

  it('get no call that is meant for the other, neither then nor while the nodes of dead sessions remain', async () => {
    const [orders, users] = [await pod('orders', '127.0.9.1'), await pod('users', '127.0.9.2')];
    await Promise.all([orders, users].map(({ sidecar }) => sidecar.fact('announced')));
    const caller = start({ ZIDECAR_UPSTREAMS: 'orders,users', ZIDECAR_IDLE_TIMEOUT: '1ms' });
    await eventually(async () =>
      (await caller.get<Upstreams>('/upstreams')).upstreams.every(({ endpoints }) => endpoints.length === 1),
    );
    const at = await caller.at('outbound');
    deepEqual([await once(at, 'orders'), await once(at, 'users')], ['orders', 'users']);

    await server.kill();
    await caller.fact('session_changed', { state: 'suspended' });
    deepEqual([await once(at, 'orders'), await once(at, 'users')], ['orders', 'users'], 'they prove who they are');

    await Promise.all([orders.end(), users.end()]);
    const [swapped, other] = [await pod('orders', '127.0.9.2'), await pod('users', '127.0.9.1')];
    await Promise.all([swapped, other].map(({ sidecar }) => sidecar.fact('verdict_changed', { up: true })));
    const seen = new Map<string, number>();
    const ask = async (): Promise<void> => {
      for (const service of ['orders', 'users']) {
        const answered = `${service}: ${await once(at, service)}`;
        seen.set(answered, (seen.get(answered) ?? 0) + 1);
      }
    };
    for (let n = 0; n < 10; n++) await ask();
    deepEqual(
      [...seen.keys()].filter((each) => !/unproven|no_endpoints/.test(each)),
      [],
      'while ZooKeeper is down',
    );
    const isSwapped = /its address belongs to (users|orders) \(/;
    await caller.said(({ kind, why }) => kind === 'doubtful_dropped' && isSwapped.test(String(why)), String(isSwapped));

    await server.start();
    await eventually(async () => {
      await ask();
      return seen.has('orders: orders') && seen.has('users: users');
    });
    for (let n = 0; n < 20; n++) await ask();
    deepEqual([seen.get('orders: users'), seen.get('users: orders')], [undefined, undefined], 'and after it was back');
    equal(swapped.app.served + other.app.served > 0, true);
    ok(
      (await (await fetch(`http://${await caller.at('health')}/metrics`)).text()).includes(
        'zidecar_identity_questions_total{result="other"}',
      ),
    );
  });
});
