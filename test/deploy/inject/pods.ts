/** Pods to be injected, what became of them, and where in that the sidecar is. */
import type { ContainerWishes } from '../../../agent/config/container.js';
import { inject, type InjectOptions, type Verdict } from '../../../deploy/inject/inject.js';
import { mapsAt, nameOf, type JsonMap } from '../../../deploy/inject/json.js';
import type { Workload } from '../../../deploy/inject/workloads.js';
import { containersOf } from '../../support/kubernetes.js';

export const options: InjectOptions = { settings: { zookeeper: 'zk:2181' }, container: { image: 'zidecar:1' } };
export const app = (more: JsonMap = {}): JsonMap => ({
  name: 'app',
  image: 'orders:1',
  ports: [{ containerPort: 8080 }],
  ...more,
});
export const podOf = (spec: JsonMap = {}, metadata: JsonMap = { labels: { app: 'orders' } }): JsonMap => ({
  metadata,
  spec: { containers: [app()], ...spec },
});
export const said = (annotations: Record<string, string>): JsonMap => ({ labels: { app: 'orders' }, annotations });
export const of = (kind: string): Workload => ({ kind, name: 'orders-v2' });

export const verdict = (pod: JsonMap, more: Partial<InjectOptions> = {}, workload = of('Deployment')): Verdict =>
  inject(pod, workload, { ...options, ...more });
export function injected(
  pod: JsonMap,
  more: Partial<InjectOptions> = {},
  workload = of('Deployment'),
): Extract<Verdict, { kind: 'injected' }> {
  const made = verdict(pod, more, workload);
  if (made.kind !== 'injected') throw new Error(JSON.stringify(made));
  return made;
}
export const wishing = (wishes: ContainerWishes): Partial<InjectOptions> => ({ container: { image: 'zidecar:1', ...wishes } });
export const sidecarOf = (pod: JsonMap): JsonMap => containersOf(pod).find(({ name }) => name === 'zidecar')!;
export const envOf = (pod: JsonMap): Record<string, unknown> =>
  Object.fromEntries(mapsAt(sidecarOf(pod), 'env').map((row) => [nameOf(row), row['value'] ?? row['valueFrom']]));
