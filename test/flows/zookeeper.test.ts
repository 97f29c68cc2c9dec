/** The built program on a real ZooKeeper: announcing, withdrawing, healing, and what the calls notice of it, which is nothing. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { app, call, Calling, type App } from '../support/calls.js';
import { Curator } from '../support/curator.js';
import { Cuttable } from '../support/cuttable.js';
import { clients, eventually, services, Sidecar, zidecar } from '../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

interface Upstreams {
  readonly upstreams: readonly {
    readonly name: string;
    readonly endpoints: readonly { readonly id: string; readonly circuit: string }[];
  }[];
}
interface Announcements {
  readonly announcements: readonly {
    readonly wish: string;
    readonly fact: string;
    readonly path: string;
    readonly zxid: string | null;
  }[];
}

/** By both clients beside each other, each with a server of its own: much of it is waiting. */
describe('sidecars on ZooKeeper', { timeout: 480_000, concurrency: true }, () => {
  for (const client of clients)
    describe(`by the ${client} client`, { timeout: 480_000, concurrency: false }, () => {
      let server: ZooKeeperServer;
      let curator: Curator;
      const running: Sidecar[] = [];
      const apps: App[] = [];

      /** Its session outlives a moment in which the machine stands still. */
      const start = (env: Record<string, string>): Sidecar => {
        const settings = { ZIDECAR_ZOOKEEPER: server.connect, ZIDECAR_ZOOKEEPER_CLIENT: client, ZIDECAR_SESSION_TIMEOUT: '15s' };
        const sidecar = Sidecar.start({ ...settings, ...env });
        running.push(sidecar);
        return sidecar;
      };
      const beside = async (name: string): Promise<App> => {
        const made = await app(name);
        apps.push(made);
        return made;
      };
      /** For one whose end is waited for. */
      const brief = { ZIDECAR_SESSION_TIMEOUT: '4s' };
      const instance = async (
        service: string,
        id: string,
        env: Record<string, string> = {},
      ): Promise<{ sidecar: Sidecar; app: App }> => {
        const made = await beside(id);
        const sidecar = start({
          ZIDECAR_SERVICE: service,
          ZIDECAR_INSTANCE_ID: id,
          ZIDECAR_APP_PORT: String(made.port),
          ZIDECAR_PROBE_INTERVAL: '200ms',
          ZIDECAR_OUTBOUND: 'off',
          ...env,
        });
        await sidecar.fact('announced');
        return { sidecar, app: made };
      };
      const caller = async (service: string, endpoints: number): Promise<{ sidecar: Sidecar; at: string }> => {
        const sidecar = start({ ZIDECAR_UPSTREAMS: service });
        await routable(sidecar, endpoints);
        return { sidecar, at: await sidecar.at('outbound') };
      };
      const ids = async (sidecar: Sidecar): Promise<string[]> =>
        (await sidecar.get<Upstreams>('/upstreams')).upstreams[0]?.endpoints.map(({ id }) => id).sort() ?? [];
      const routable = (sidecar: Sidecar, count: number): Promise<boolean> =>
        eventually(async () => (await ids(sidecar)).length === count);
      const announced = (sidecar: Sidecar): Promise<boolean> =>
        eventually(async () =>
          (await sidecar.get<Announcements>('/announcement')).announcements.every(({ fact }) => fact === 'announced'),
        );

      before(async () => {
        requireZooKeeper();
        server = await ZooKeeperServer.start();
        curator = await Curator.start(server.connect);
      });
      after(async () => {
        for (const sidecar of running) sidecar.kill();
        curator.kill();
        await server.remove();
        await Promise.all(apps.map((each) => each.close()));
      });

      it('writes what a real Curator reads, and takes it away again', async () => {
        const { sidecar, app: made } = await instance('written', 'w1', { ZIDECAR_WEIGHT: '5', ZIDECAR_ZONE: 'a' });
        deepEqual(await curator.list('written'), [`w1=127.0.0.1:${made.port}:{zone=a,weight=5}`]);
        equal(await sidecar.stop(), 0);
        deepEqual(await curator.list('written'), []);
      });

      it('calls what a real Curator wrote, and stops when it is taken away', async () => {
        const [one, two] = [await beside('one'), await beside('two')];
        await curator.register('read', 'r1', '127.0.0.1', one.port, 3);
        await curator.register('read', 'r2', '127.0.0.1', two.port);
        const { sidecar, at } = await caller('read', 2);
        const shares: Record<string, number> = {};
        for (let i = 0; i < 400; i++) {
          const { body } = await call(at, 'read');
          shares[body] = (shares[body] ?? 0) + 1;
        }
        deepEqual(shares, { one: 300, two: 100 });
        await curator.unregister('read', 'r1');
        await routable(sidecar, 1);
        equal((await call(at, 'read')).body, 'two');
      });

      it('withdraws an app that has fallen ill, and announces it again when it is well', async () => {
        const { sidecar, app: made } = await instance('ill', 'i1');
        made.well = false;
        await sidecar.fact('withdrawn');
        deepEqual(await curator.list('ill'), []);
        made.well = true;
        await announced(sidecar);
        equal((await curator.list('ill')).length, 1);
      });

      it('puts a node back that somebody removed by hand', async () => {
        const { sidecar } = await instance('healed', 'h1');
        await curator.delete('/services/healed/h1');
        await sidecar.fact('announcement_lost');
        await eventually(async () => (await curator.list('healed')).length === 1);
      });

      it('takes over the node that its killed predecessor left', async () => {
        const first = await instance('again', 'a1', { ZIDECAR_SESSION_TIMEOUT: '60s' });
        first.sidecar.kill();
        const second = start({
          ZIDECAR_SERVICE: 'again',
          ZIDECAR_INSTANCE_ID: 'a1',
          ZIDECAR_APP_PORT: String(first.app.port),
          ZIDECAR_OUTBOUND: 'off',
        });
        equal((await second.fact('announced'))['how'], 'taken_over');
      });

      it('leaves a stranger’s node alone and says whose it is', async () => {
        await curator.put('/services/stranger/s1', '{"name":"stranger","id":"s1","address":"10.9.9.9","port":1}');
        const made = await beside('s1');
        const sidecar = start({ ZIDECAR_SERVICE: 'stranger', ZIDECAR_INSTANCE_ID: 's1', ZIDECAR_APP_PORT: String(made.port) });
        await sidecar.fact('verdict_changed', { up: true });
        await eventually(async () => (await sidecar.get<Announcements>('/announcement')).announcements[0]?.wish === 'announced');
        await curator.delete('/services/stranger/s1');
        await sidecar.fact('announced');
      });

      it('loses no call while ZooKeeper restarts, and withdraws nobody', async () => {
        const one = await instance('restart', 'r1');
        const { sidecar, at } = await caller('restart', 1);
        const calling = new Calling(at, 'restart');
        await server.stop();
        await sidecar.fact('session_changed', { state: 'suspended' });
        equal((await call(at, 'restart')).status, 200);
        await server.start();
        await eventually(async () => (await sidecar.get<{ state: string }>('/session')).state === 'connected');
        await announced(one.sidecar);
        const { lost, total } = await calling.stop();
        deepEqual(lost, []);
        ok(total > 0);
      });

      if (client === 'wire')
        it('is gone when it has ended, though its connection had died without a word: it goes another way at once', async (t) => {
          const line = await Cuttable.to(server);
          t.after(() => line.stop());
          const through = { ZIDECAR_ZOOKEEPER: `${line.host}:${line.port}`, ZIDECAR_SESSION_TIMEOUT: '60s' };
          const { sidecar } = await instance('silent', 's1', through);
          await line.forget();
          equal(await sidecar.stop(), 0);
          deepEqual(await curator.list('silent'), [], sidecar.story());
          match(sidecar.story(), /suspended: 127\.0\.0\.1:\d+ is silent, and we cannot wait/);
        });

      it('comes back after its session expired while it stood still', async () => {
        const { sidecar } = await instance('frozen', 'f1', brief);
        const { sidecar: watching } = await caller('frozen', 1);
        sidecar.signal('SIGSTOP');
        await routable(watching, 0);
        sidecar.signal('SIGCONT');
        await routable(watching, 1);
        await announced(sidecar);
      });

      it('loses no call when an instance is killed hard', async () => {
        const victim = await instance('killed', 'k1', brief);
        await instance('killed', 'k2');
        const { sidecar, at } = await caller('killed', 2);
        const calling = new Calling(at, 'killed');
        await eventually(() => calling.total > 50);
        victim.sidecar.kill();
        await victim.app.close();
        await routable(sidecar, 1);
        deepEqual((await calling.stop()).lost, []);
      });

      it('starts while ZooKeeper is down, says so, and announces later', async () => {
        await server.stop();
        const made = await beside('late');
        const sidecar = start({ ZIDECAR_SERVICE: 'late', ZIDECAR_APP_PORT: String(made.port), ZIDECAR_START_WAIT: '500ms' });
        await sidecar.fact('session_trouble');
        const health = await sidecar.at('health');
        await eventually(async () => (await fetch(`http://${health}/ready`)).status === 200);
        const { status, headers } = await call(await sidecar.at('outbound'), 'anybody');
        equal(status, 503);
        equal(headers['x-zidecar-error'], 'discovering');
        for (const client of ['native', 'wire']) {
          const told = await zidecar(['services', '--zookeeper', server.connect, '--zookeeper-client', client]);
          equal(told.code, 69, client);
          match(told.err, new RegExp(server.connect));
        }
        await server.start();
        await sidecar.fact('announced');
      });

      it('lists the fleet without a sidecar, trouble first', async () => {
        await curator.put('/services/broken/b1', '{"name":"broken","id":"b1","address":"10.0.0.1","port":null}');
        const { code, out } = await services(['--zookeeper', server.connect]);
        equal(code, 0, out);
        const lines = out.split('\n');
        match(lines[0]!, /SERVICE +DIALECT +INSTANCES +ROUTABLE +PROBLEM/);
        match(lines[1]!, /^broken/);
        match(out, /port null/);
      });
    });
});
