/**
 * Where in an object its pod is, and what the pod belongs to. Knows the kinds of Kubernetes itself; an object of any other kind is
 * passed on as it is, though one that seems to hold a pod is told of.
 */
import { at, isList, isMap, mapAt, member, textAt, type Json, type JsonMap } from './json.js';

export type Path = readonly (string | number)[];

export interface Workload {
  readonly kind: string;
  /** Empty where a pod of nobody has none yet. */
  readonly name: string;
}

export interface Found extends Workload {
  readonly namespace: string | undefined;
  /** Of the map that holds the pod's `metadata` and `spec`. */
  readonly path: Path;
  /** False: it seems to hold a pod, but where cannot be known. */
  readonly known: boolean;
}

const template = ['spec', 'template'] as const;
const podPaths: Readonly<Record<string, Path>> = {
  Pod: [],
  Deployment: template,
  StatefulSet: template,
  DaemonSet: template,
  ReplicaSet: template,
  ReplicationController: template,
  Job: template,
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

/** Every workload in an object, which may be a list of them. */
export function findWorkloads(object: Json, path: Path = []): readonly Found[] {
  const kind = textAt(object, 'kind') ?? '';
  const items = member(object, 'items');
  if (kind.endsWith('List') && isList(items)) {
    return items.flatMap((item, index) => findWorkloads(item, [...path, 'items', index]));
  }
  const metadata = mapAt(object, 'metadata');
  const about = {
    kind,
    name: textAt(metadata, 'name') ?? textAt(metadata, 'generateName')?.replace(/-$/, '') ?? '',
    namespace: textAt(metadata, 'namespace'),
  };
  const inner = Object.hasOwn(podPaths, kind) ? podPaths[kind] : undefined;
  if (inner !== undefined && isMap(at(object, inner))) return [{ ...about, path: [...path, ...inner], known: true }];
  const resembles = isList(at(object, [...template, 'spec', 'containers']));
  return resembles ? [{ ...about, path: [...path, ...template], known: false }] : [];
}

/** Of a pod that a controller has made: the name of that which its owner stands for. */
export function workloadOf(pod: JsonMap): Workload {
  const metadata = mapAt(pod, 'metadata');
  const owners = member(metadata, 'ownerReferences');
  const owner = isList(owners) ? (owners.find((one) => member(one, 'controller') === true) ?? owners[0]) : undefined;
  const kind = textAt(owner, 'kind') ?? 'Pod';
  const given = textAt(owner, 'name') ?? textAt(metadata, 'name') ?? textAt(metadata, 'generateName')?.replace(/-$/, '') ?? '';
  const hash = textAt(metadata, 'labels', 'pod-template-hash');
  return { kind, name: hash !== undefined && given.endsWith(`-${hash}`) ? given.slice(0, -hash.length - 1) : given };
}
