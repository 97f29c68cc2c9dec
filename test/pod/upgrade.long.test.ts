/**
 * Upgrades, step by step as deploy/docs/upgrades.md has them, and one release beside the next. Until there is a release, the one before is an
 * early commit.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { requireZooKeeper } from '../support/zookeeper.js';
import { Cluster } from './cluster.js';
import type { Kubelet } from './kubelet.js';
import { cannotMakeNetworks } from './network.js';
import { cannotBuild, previousProgram } from './previous.js';

const cannot = cannotMakeNetworks() ?? cannotBuild();

describe('an upgrade', { timeout: 600_000, skip: cannot }, () => {
  let cluster: Cluster;
  let previous = '';
  before(async () => {
    requireZooKeeper();
    [cluster, previous] = await Promise.all([Cluster.open(), previousProgram()]);
  });
  after(() => cluster.close());

  it('of the sidecar alone, one pod after the other, from the previous release to this one, fails no call', async (t) => {
    const pods = await Promise.all([1, 2, 3].map(() => cluster.instance('alone', {}, { zidecar: previous })));
    const caller = await cluster.caller('alone', 3);
    const { lost } = await cluster.calling(
      t,
      [caller],
      'alone',
      async () => {
        for (const pod of pods) {
          await pod.replaceSidecar(cluster.program);
          await pod.sidecar.fact('announced');
          await cluster.knows(caller, 'alone', 3);
          equal(pod.sidecars.length, 2);
        }
      },
      ['GET', 'POST'],
    );
    deepEqual(lost, []);
  });

  it('may stop half way: either release finds and calls the instances of the other', async (t) => {
    for (const [caller, instance] of [
      [previous, cluster.program],
      [cluster.program, previous],
    ] as const) {
      const service = instance === previous ? 'old' : 'new';
      const pods = [
        await cluster.instance(service, { weight: '3', zone: 'a' }, { zidecar: instance }),
        await cluster.instance(service, {}, { zidecar: instance }),
      ];
      const calling = await cluster.caller(service, 2, {}, { zidecar: caller });
      const { lost, by } = await cluster.calling(
        t,
        [calling],
        service,
        async () => {
          await cluster.delete(pods[1]!);
          await cluster.knows(calling, service, 1);
        },
        ['GET', 'POST'],
      );
      deepEqual(lost, []);
      // the weight is read as it was written: three of four calls while there were two
      ok(by[pods[0]!.name]! > 1.5 * by[pods[1]!.name]!, JSON.stringify(by));
    }
  });

  it('by new pods, from the previous release to this one and back again, fails no call', async (t) => {
    let pods = await Promise.all([1, 2].map(() => cluster.instance('rolled', {}, { zidecar: previous })));
    const caller = await cluster.caller('rolled', 2);
    for (const zidecar of [cluster.program, previous]) {
      const { lost } = await cluster.calling(
        t,
        [caller],
        'rolled',
        async () => {
          const next: Kubelet[] = [];
          for (const old of pods) {
            next.push(await cluster.instance('rolled', {}, { zidecar }));
            deepEqual((await cluster.delete(old)).killed, []);
          }
          pods = next;
        },
        ['GET', 'POST'],
      );
      deepEqual(lost, []);
    }
  });
});
