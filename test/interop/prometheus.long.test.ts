/**
 * What the built program writes as a member of a serverset and as nerve does, read by a real Prometheus on a real ZooKeeper. It looks at
 * what it has found every 5 s, which is why this takes its time.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Fleet } from '../flows/fleet.js';
import { needsProgram } from '../support/needs.js';
import { eventually } from '../support/program.js';
import { Prometheus, type Labels } from '../support/prometheus.js';
import { RawClient } from '../support/raw-client.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

const SET = '/discovery/orders';
const NERVE = '/nerve/services/orders/services';

describe(
  'Prometheus, a reader that others wrote,',
  { timeout: 240_000, concurrency: true, skip: needsProgram('prometheus', 'prometheus') },
  () => {
    let server: ZooKeeperServer;
    let prometheus: Prometheus;
    let raw: RawClient;
    const fleet = new Fleet('wire', () => server.connect);
    before(async () => {
      requireZooKeeper();
      server = await ZooKeeperServer.start();
      raw = await RawClient.open(server.connect);
      for (const path of [SET, NERVE]) await raw.plant(path);
      prometheus = await Prometheus.start(server.connect, { serverset: [SET], nerve: [NERVE] });
    });
    after(async () => {
      await fleet.end();
      await raw.close();
      await prometheus.end();
      await server.remove();
    });

    /** Until this label of all that it found is what we expect. What has no host is no member: see below. */
    const sees = (path: string, label: string, expected: readonly string[]): Promise<boolean> =>
      eventually(async () => {
        const members = (await prometheus.found(path)).filter(({ __address__: address }) => address !== ':0');
        const found = members.map((labels) => labels[label] ?? '');
        return String(found.sort()) === String(expected);
      });
    const first = async (path: string): Promise<Labels> => (await prometheus.found(path))[0] ?? {};

    it('finds members of a serverset with their ports and shards, and follows each change', async () => {
      const member = (id: string, shard: string): ReturnType<Fleet['instance']> =>
        fleet.instance('orders', id, {
          ...{ ZIDECAR_DIALECT: 'serverset', ZIDECAR_META: `shard=${shard}`, ZIDECAR_ADDITIONAL_ENDPOINTS: 'admin=9990' },
          ...{ ZIDECAR_SESSION_TIMEOUT: '2s' },
        });
      const shards = (...expected: readonly string[]): Promise<boolean> => sees(SET, '__meta_serverset_shard', expected);
      const one = await member('one', '1');
      await shards('1');
      const found = await first(SET);
      deepEqual(
        ['endpoint_host', 'endpoint_host_admin', 'endpoint_port_admin', 'status'].map(
          (name) => found[`__meta_serverset_${name}`],
        ),
        ['127.0.0.1', '127.0.0.1', '9990', 'ALIVE'],
      );
      equal(found['__address__'], `127.0.0.1:${fleet.apps[0]!.port}`);

      await one.post('/announcement', { weight: 3 });
      await eventually(async () => (await raw.children(SET))?.some((name) => name.startsWith('vector_')));
      // it takes every child for a member, and a vector for one without an address; so it does with those of others
      await eventually(async () => (await prometheus.found(SET)).some(({ __address__: address }) => address === ':0'));
      await shards('1');
      const two = await member('two', '2');
      await shards('1', '2');
      await one.post('/drain?wait=0');
      await shards('2');
      await one.post('/undrain');
      await shards('1', '2');
      equal(await one.stop(), 0);
      await shards('2');
      two.kill(); // its session has to end
      await shards();
    });

    it("finds nerve's nodes, with their names encoded or not, and follows them", async () => {
      const node = (id: string, env: Record<string, string> = {}): ReturnType<Fleet['instance']> =>
        fleet.instance('orders', id, { ZIDECAR_DIALECT: 'smartstack', ...env });
      const names = (...expected: readonly string[]): Promise<boolean> => sees(NERVE, '__meta_nerve_endpoint_name', expected);
      const [plain, encoded] = [await node('plain'), await node('encoded', { ZIDECAR_PATH_ENCODING: 'on' })];
      await names('encoded', 'plain');
      match((await raw.children(NERVE))!.join(' '), /base64_\d+_\S+_\d{10}/);
      await plain.post('/announcement', { weight: 3 });
      await eventually(async () => (await raw.children(NERVE))?.some((name) => name === 'plain_0000000002'));
      await names('encoded', 'plain');
      await plain.post('/drain?wait=0');
      await names('encoded');
      equal(await encoded.stop(), 0);
      await names();
    });
  },
);
