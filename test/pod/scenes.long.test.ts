/** What happens to a fleet in a bad month: machines, networks, names and the ensemble itself. Calls flow in each scene; the verdict is a count. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/program.js';
import { requireZooKeeper } from '../support/zookeeper.js';
import { Cluster } from './cluster.js';
import type { Kubelet } from './kubelet.js';
import { cannotMakeNetworks } from './network.js';

const announcedTimes = (pod: Kubelet): number => pod.sidecar.lines.filter(({ kind }) => kind === 'announced').length;

describe('a fleet', { timeout: 900_000, skip: cannotMakeNetworks() }, () => {
  let cluster: Cluster;
  let orders: Kubelet[] = [];
  let caller: Kubelet;
  before(async () => {
    requireZooKeeper();
    cluster = await Cluster.open();
    orders = await cluster.instances('orders', 4);
    // a machine that is lost answers nothing: how long a call waits for it is a setting
    caller = await cluster.caller('orders', 4, { 'response-timeout': '2s' });
  });
  after(() => cluster.close());

  it('loses no call when app and sidecar of a pod are killed together', async (t) => {
    const victim = cluster.oneOf(orders);
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => {
      await victim.kill('app', 'zidecar');
      await victim.sidecar.fact('announced');
    });
    deepEqual(lost, []);
    await cluster.knows(caller, 'orders', 4);
  });

  it('loses no call when a sidecar stands still until its session is over, and the app is back with it', async (t) => {
    const victim = cluster.oneOf(orders);
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => {
      victim.freeze('zidecar');
      await cluster.knows(caller, 'orders', 3);
      victim.thaw('zidecar');
      await cluster.knows(caller, 'orders', 4);
    });
    deepEqual(lost, []);
  });

  it('loses no call when a caller cannot reach one of its peers, which is registered all the while', async (t) => {
    const victim = cluster.oneOf(orders);
    const { lost, by } = await cluster.calling(t, [caller], 'orders', async () => {
      await caller.host.partFrom(victim.host);
      await caller.sidecar.fact('circuit_opened');
      await caller.host.meetAgain();
      await caller.sidecar.fact('circuit_closed');
    });
    deepEqual(lost, []);
    ok(by[victim.name]! > 0);
  });

  it('loses no call and no session while the ensemble is restarted one by one', async (t) => {
    const before = new Map([...orders, caller].map((pod) => [pod, announcedTimes(pod)]));
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => {
      for (const { server } of cluster.members) {
        await server.stop();
        await server.start();
        for (const pod of before.keys())
          await eventually(async () => (await pod.admin<{ state: string }>('/session'))?.state === 'connected');
      }
    });
    deepEqual(lost, []);
    for (const [pod, times] of before) equal(announcedTimes(pod), times, pod.sidecar.story());
  });

  it('loses no call while ZooKeeper is away, and pods that start meanwhile are found when it is back', async (t) => {
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => {
      await Promise.all(cluster.members.map(({ server }) => server.kill()));
      const late = [cluster.instance('orders'), cluster.instance('orders')];
      await new Promise((resolve) => setTimeout(resolve, 6_000)); // longer than a session
      await Promise.all(cluster.members.map(({ server }) => server.start()));
      orders.push(...(await Promise.all(late)));
      await cluster.knows(caller, 'orders', 6);
    });
    deepEqual(lost, []);
  });

  it('loses no call of a caller whose sidecar is restarted while ZooKeeper is away: it serves at once by what it remembers', async (t) => {
    await Promise.all(cluster.members.map(({ server }) => server.kill()));
    await caller.kill('zidecar');
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => undefined);
    deepEqual(lost, []);
    ok(
      caller.sidecar.lines.some(({ kind }) => kind === 'snapshot_read'),
      caller.sidecar.story(),
    );
    await Promise.all(cluster.members.map(({ server }) => server.start()));
    await eventually(async () => (await caller.admin<{ state: string }>('/session'))?.state === 'connected');
    await cluster.knows(caller, 'orders', orders.length);
  });

  it('loses no call that may be repeated when a machine is lost with everything on it', async (t) => {
    const victim = cluster.oneOf(orders);
    orders = orders.filter((pod) => pod !== victim);
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => {
      await cluster.lose(victim);
      await cluster.knows(caller, 'orders', orders.length);
    });
    deepEqual(lost, []);
  });

  it('loses no call of a pod whose DNS takes 3 s for each name', async (t) => {
    const names = cluster.members.map(({ host }, index) => [`zk-${index}.slow`, host.address]);
    const dns = await cluster.network.host('dns');
    const program = fileURLToPath(new URL('./dns.js', import.meta.url));
    const server = dns.spawn([process.execPath, program, ...names.map((pair) => pair.join('='))], { DELAY_MS: '3000' }, [
      'ignore',
      'pipe',
      'inherit',
    ]);
    await once(server.stdout!, 'data');
    const list = names.map(([name]) => `${name!}:2181`).join(',');
    const slow = await cluster.caller('orders', orders.length, { zookeeper: list }, { dns });
    const { lost, total } = await cluster.calling(t, [slow], 'orders', async () => {
      await slow.host.partFrom(...cluster.members.map(({ host }) => host));
      await eventually(async () => (await slow.admin<{ state: string }>('/session'))?.state !== 'connected');
      await slow.host.meetAgain();
      await eventually(async () => (await slow.admin<{ state: string }>('/session'))?.state === 'connected');
    });
    deepEqual(lost, []);
    ok(total > 100);
  });

  it('loses no call when 30 pods join at once, and leave six at a time', async (t) => {
    const { lost, by } = await cluster.calling(t, [caller], 'orders', async () => {
      const began = performance.now();
      const joined = await cluster.instances('orders', 30);
      await cluster.knows(caller, 'orders', orders.length + 30);
      t.diagnostic(`30 pods started and known after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
      const ends = await cluster.deleteAll(joined);
      deepEqual(
        ends.flatMap(({ killed }) => killed),
        [],
      );
      await cluster.knows(caller, 'orders', orders.length);
    });
    deepEqual(lost, []);
    ok(Object.keys(by).length > 30);
  });
});
