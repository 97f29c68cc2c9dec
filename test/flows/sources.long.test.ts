/** One peer in three registries, two of them real ensembles and one a folder: each of them fails by itself, and the others go on. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Calling } from '../support/calls.js';
import { eventually } from '../support/program.js';
import { requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';
import { Fleet } from './fleet.js';

interface Upstreams {
  readonly upstreams: readonly { readonly endpoints: readonly { readonly id: string }[] }[];
}
interface Sessions {
  readonly state: string;
  readonly others: readonly { readonly registry: string; readonly state: string }[];
}

describe('a peer in two ensembles and a folder', { timeout: 120_000 }, () => {
  let folder = '';
  let servers: readonly ZooKeeperServer[] = [];
  const fleets = [0, 1].map((index) => new Fleet('wire', () => servers[index]!.connect));
  before(async () => {
    requireZooKeeper();
    folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    servers = await Promise.all([ZooKeeperServer.start(), ZooKeeperServer.start()]);
  });
  after(async () => {
    await Promise.all(fleets.map((fleet) => fleet.end()));
    await Promise.all(servers.map((server) => server.remove()));
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  });

  it('is called wherever it stands, while each of the three is away and the others change', async () => {
    const [near, far] = fleets as [Fleet, Fleet];
    const [main, second] = servers as [ZooKeeperServer, ZooKeeperServer];
    const tree = join(folder, 'tree');
    const write = async (id: string): Promise<void> => {
      const { port } = await near.app(id);
      await writeFile(join(tree, 'services/orders', id), JSON.stringify({ address: '127.0.0.1', port }));
    };
    await mkdir(join(tree, 'services/orders'), { recursive: true });
    await write('written');
    await Promise.all([near.instance('orders', 'near'), far.instance('orders', 'far')]);
    const config = join(folder, 'zidecar.yaml');
    const others = [second.connect, `dir:${tree}`];
    const rows = others.map((zookeeper) => `{ dialect: curator, zookeeper: '${zookeeper}' }`);
    await writeFile(config, `upstreams:\n  orders:\n    sources: [curator, ${rows.join(', ')}]\n`);
    const caller = near.start({ ZIDECAR_CONFIG: config });
    const holds = (...expected: readonly string[]): Promise<boolean> =>
      eventually(async () => {
        const { upstreams } = await caller.get<Upstreams>('/upstreams');
        return String((upstreams[0]?.endpoints ?? []).map(({ id }) => id).sort()) === String([...expected].sort());
      });
    /** What of the main one, the second, and the folder can be asked. */
    const answers = (...expected: readonly boolean[]): Promise<boolean> =>
      eventually(async () => {
        const { state, others: beside } = await caller.get<Sessions>('/session');
        const states = [state, ...others.map((name) => beside.find(({ registry }) => registry === name)?.state)];
        return states.every((each, index) => (each === 'connected') === expected[index]);
      });
    await holds('near', 'far', 'written');
    await answers(true, true, true);
    const calling = new Calling(await caller.at('outbound'), 'orders', { method: 'POST' });

    await second.kill();
    await answers(true, false, true);
    await near.instance('orders', 'near2');
    await write('written2');
    await holds('near', 'near2', 'far', 'written', 'written2');
    await second.start();
    await answers(true, true, true);

    await main.kill();
    await answers(false, true, true);
    const leaving = await far.instance('orders', 'far2');
    await holds('near', 'near2', 'far', 'far2', 'written', 'written2');
    equal(await leaving.stop(), 0);
    await holds('near', 'near2', 'far', 'written', 'written2');
    await main.start();
    await answers(true, true, true);

    await rename(tree, `${tree}-away`);
    await answers(true, true, false);
    await far.instance('orders', 'far3');
    await holds('near', 'near2', 'far', 'far3', 'written', 'written2');
    await rename(`${tree}-away`, tree);
    await answers(true, true, true);

    const { lost, by } = await calling.stop();
    deepEqual(lost, []);
    ok(
      ['near', 'far', 'written', 'near2', 'far2', 'far3', 'written2'].every((name) => by.has(name)),
      [...by.keys()].join(),
    );
  });
});
