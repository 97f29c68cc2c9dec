/** Scaling by the calls that sidecars count, from 3 pods to 30 and back. */
import { after, before, describe, it } from 'node:test';
import { requireZooKeeper } from '../support/zookeeper.js';
import { scaled } from './autoscale.js';
import { Cluster } from './cluster.js';
import { cannotMakeNetworks } from './network.js';

describe('a service that is scaled by its calls', { timeout: 600_000, skip: cannotMakeNetworks() }, () => {
  let cluster: Cluster;
  before(async () => {
    requireZooKeeper();
    cluster = await Cluster.open();
  });
  after(() => cluster.close());

  it('goes from 3 pods to 30 and back to 3, and no call is lost', (t) => scaled(t, cluster, 30));
});
