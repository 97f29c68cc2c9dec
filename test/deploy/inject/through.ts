/** A whole manifest, as the command takes it. */
import { inject, type InjectOptions } from '../../../deploy/inject/inject.js';
import { changePart, parts, unwantedNamespaces, type Remark, type Transform } from '../../../deploy/inject/manifest.js';

export const options: InjectOptions = {
  settings: { zookeeper: 'zk:2181' },
  container: { image: 'zidecar:1', 'http-proxy': true },
};
export const put: Transform = (pod, workload) => inject(pod, workload, options);

export function through(text: string, transform: Transform): { readonly text: string; readonly remarks: readonly Remark[] } {
  const all = parts(text);
  const done = all.map((part) => changePart(part, transform, unwantedNamespaces(all)));
  return { text: done.map((part) => part.text).join(''), remarks: done.flatMap((part) => part.remarks) };
}
