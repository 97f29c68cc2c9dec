/**
 * The autoscaler of deploy/example/kubernetes.yaml in front of our pods: its least and most, its metric from the callers' sidecars, and
 * Kubernetes' rule: replicas = ceil(metric / target), within a tenth nothing moves. Calls go on from the first pod to the last.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { eventually } from '../support/program.js';
import type { Cluster } from './cluster.js';
import type { Kubelet } from './kubelet.js';

interface Autoscaler {
  readonly kind: string;
  readonly spec: {
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly { readonly external: { readonly target: { readonly averageValue: string } } }[];
  };
}

const { spec } = parseAllDocuments(readFileSync('deploy/example/kubernetes.yaml', 'utf8'))
  .map((document) => document.toJS() as Autoscaler)
  .find(({ kind }) => kind === 'HorizontalPodAutoscaler')!;
const target = Number(spec.metrics[0]!.external.target.averageValue);
const LOOK_MS = 1_500;

/** From the least to `most` and back; fails when a call is lost or a pod has to be killed. */
export async function scaled(t: TestContext, cluster: Cluster, most = spec.maxReplicas): Promise<void> {
  const service = 'shop';
  let pods = await cluster.instances(service, spec.minReplicas);
  const light = await cluster.caller(service, pods.length);
  const heavy = await cluster.caller(service, pods.length);
  const callers = [light, heavy];

  const follow = async (wanted: number, more: () => Promise<void>): Promise<void> => {
    let before = await calls(cluster, callers, service);
    for (let since = performance.now(); ;) {
      await more();
      await sleep(LOOK_MS);
      const [now, at] = [await calls(cluster, callers, service), performance.now()];
      const replicas = desired((1_000 * (now - before)) / (at - since), pods.length, most);
      [before, since] = [now, at];
      const [joining, leaving] = [replicas - pods.length, pods.slice(replicas)];
      pods = pods.slice(0, replicas);
      if (joining > 0) pods.push(...(await cluster.instances(service, joining)));
      const ends = await cluster.deleteAll(leaving);
      deepEqual(
        ends.flatMap(({ killed }) => killed),
        [],
      );
      if (pods.length === wanted) return;
    }
  };

  await light.call(service, { workers: 1, pauseMs: 100 });
  await follow(most, () => heavy.call(service, { workers: 4, pauseMs: 20 }).then(() => undefined));
  for (const caller of callers) await cluster.knows(caller, service, most);
  const flood = await heavy.stopCalling();
  await follow(spec.minReplicas, async () => undefined);
  const trickle = await light.stopCalling();
  equal(pods.length, spec.minReplicas);
  t.diagnostic(
    `${spec.minReplicas} -> ${most} -> ${pods.length} pods, ${flood.total + trickle.total} calls; seed ${cluster.seed}`,
  );
  deepEqual([...flood.lost, ...trickle.lost], []);
}

/** As the HorizontalPodAutoscaler reckons. */
function desired(perSecond: number, replicas: number, most: number): number {
  const ratio = perSecond / (target * replicas);
  const wanted = Math.abs(ratio - 1) <= 0.1 ? replicas : Math.ceil(perSecond / target);
  return Math.min(most, Math.max(spec.minReplicas, wanted));
}

/** Calls that have ended, by the metric that the adapter's rule sums up. */
async function calls(cluster: Cluster, callers: readonly Kubelet[], service: string): Promise<number> {
  const counts = callers.map(async ({ host }) => {
    const { text } = await eventually(() => cluster.network.node.get(host.address, 6191, '/metrics')); // none while all stands still
    const samples = text.matchAll(new RegExp(`^zidecar_requests_total\\{service="${service}",.*\\} (\\d+)`, 'gm'));
    return Array.from(samples, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
