/** Pods with sidecars in networks of their own, an ensemble of three, calls flowing: what happens to them on an ordinary bad day. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { requireZooKeeper } from '../support/zookeeper.js';
import { Cluster } from './cluster.js';
import { cannotMakeNetworks } from './network.js';
import type { Ended, Kubelet } from './kubelet.js';

describe('three pods of orders and a caller', { timeout: 240_000, skip: cannotMakeNetworks() }, () => {
  let cluster: Cluster;
  let orders: Kubelet[] = [];
  let caller: Kubelet;
  before(async () => {
    requireZooKeeper();
    cluster = await Cluster.open();
    orders = await cluster.instances('orders', 3);
    caller = await cluster.caller('orders', 3);
  });
  after(() => cluster.close());

  it('start without a warning, each on a root that it cannot write', () => {
    for (const { sidecar } of [...orders, caller])
      deepEqual(
        sidecar.lines.filter(({ level }) => level === 'warn' || level === 'error'),
        [],
        sidecar.story(),
      );
  });

  it('lose no call of any method in a rolling deploy, in the order in which Kubernetes ends pods', async (t) => {
    const deploy = async (): Promise<void> => {
      // as a Deployment with maxSurge 1 does: the next one starts while the one before is still ending
      const ends: Promise<Ended & { readonly still: readonly string[] }>[] = [];
      for (const old of orders) {
        await cluster.instance('orders');
        ends.push(cluster.delete(old, [caller]));
      }
      // retries alone would hide an app that ends before its callers know
      for (const { killed, still } of await Promise.all(ends)) deepEqual({ killed, still }, { killed: [], still: [] });
      orders = [...cluster.pods].filter((pod) => pod !== caller);
    };
    const { lost } = await cluster.calling(t, [caller], 'orders', deploy, ['GET', 'POST']);
    deepEqual(lost, [], cluster.story());
    equal(orders.length, 3);
  });

  it('lose no call when an app is killed hard', async (t) => {
    const { lost } = await cluster.calling(t, [caller], 'orders', () => cluster.oneOf(orders).kill('app'));
    deepEqual(lost, []);
    await cluster.knows(caller, 'orders', 3);
  });

  it('lose no call when a sidecar is killed hard, and its successor announces the app', async (t) => {
    const victim = cluster.oneOf(orders);
    const { lost } = await cluster.calling(t, [caller], 'orders', async () => {
      await victim.kill('zidecar');
      await victim.sidecar.fact('announced');
    });
    deepEqual(lost, []);
  });

  it('lose no call when one of them is cut off from ZooKeeper alone, and it is back when the cut is healed', async (t) => {
    const victim = cluster.oneOf(orders);
    const { lost, by } = await cluster.calling(t, [caller], 'orders', async () => {
      await victim.host.partFrom(...cluster.members.map(({ host }) => host));
      await cluster.knows(caller, 'orders', 2);
      await victim.host.meetAgain();
      await cluster.knows(caller, 'orders', 3);
    });
    deepEqual(lost, []);
    ok((by[victim.name] ?? 0) > 0);
  });
});
