/**
 * A pod in, the same pod with a sidecar out, or the reason why it was left as it was. Pure: nothing is read but what is handed in, and
 * the pod that came in is not changed. A pod of a shape that is not understood is left alone, never half changed.
 *
 * The order of ending is what most of this is about. A pod's preStop hooks run at once, for all containers: the sidecar's withdraws the
 * app and waits until peers can know, the app's sleeps for as long. Only then is the app told to end; a native sidecar is told last,
 * when the app is gone.
 */
import type { ContainerWishes } from '../../agent/config/container.js';
import { RECORD, readAnnotations, wish } from './annotations.js';
import { isList, isMap, mapAt, mapsAt, member, nameOf, put, textAt, type Json, type JsonMap } from './json.js';
import { judge, type Judge } from './judge.js';
import type { Record } from './record.js';
import { endsByItself, settle, type Defaults, type Settled } from './settings.js';
import { unfit } from './shape.js';
import { NAME, sidecar, volumeNames, volumes } from './sidecar.js';
import type { Workload } from './workloads.js';

export interface InjectOptions {
  /** Settings for every pod, as texts by key; a pod's annotations win. */
  readonly settings: Defaults;
  /** What holds for every container; a pod's annotations win here too. */
  readonly container: ContainerWishes & { readonly image: string };
  /** Of many pods one after the other: what was judged a moment ago need not be judged again. */
  readonly judge?: Judge;
}

export type Verdict =
  | { readonly kind: 'injected'; readonly pod: JsonMap; readonly told: string; readonly notes: readonly string[] }
  /** It is no pod for a sidecar; that is nobody's mistake. */
  | { readonly kind: 'left'; readonly reason: string }
  /** Somebody has to mend something first. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** `pod` is the map that holds `metadata` and `spec`: a Pod, or a workload's template. Never throws. */
export function inject(pod: JsonMap, workload: Workload, options: InjectOptions): Verdict {
  const reason = unfit(pod) ?? notWanted(pod);
  if (reason !== undefined) return { kind: 'left', reason };
  const annotations = readAnnotations(mapAt(pod, 'metadata', 'annotations'));
  const said = { ...options.container, ...annotations.said };
  if (said.sidecar === 'classic' && endsByItself(pod)) {
    return {
      kind: 'left',
      reason:
        'a classic sidecar would keep it from ending: use the native one (Kubernetes 1.29), or "zidecar run -- COMMAND" in its image',
    };
  }
  const settled = settle(
    pod,
    workload,
    said,
    { ...options.settings, ...Object.fromEntries(annotations.settings) },
    options.judge ?? judge,
  );
  const problems = [
    ...annotations.problems,
    ...('problems' in settled ? settled.problems : [...takenPorts(pod, settled), ...takenVolumes(pod)]),
  ];
  if ('problems' in settled || problems.length > 0) return { kind: 'refused', problems };
  return build(pod, settled, said);
}

function notWanted(pod: JsonMap): string | undefined {
  const spec = mapAt(pod, 'spec');
  const containers = [...mapsAt(spec, 'initContainers'), ...mapsAt(spec, 'containers')];
  if (wish(mapAt(pod, 'metadata')) === 'disabled') return 'it says zidecar.dev/inject: disabled';
  if (containers.some(({ name }) => name === NAME)) return `it has a container named ${NAME} already`;
  if (member(mapAt(pod, 'metadata', 'annotations'), RECORD) !== undefined) return `it has the annotation ${RECORD} already`;
  if (spec['hostNetwork'] === true) return "it uses the network of its host, where a sidecar's ports would meet others'";
  const windows = textAt(spec, 'os', 'name') === 'windows' || textAt(spec, 'nodeSelector', 'kubernetes.io/os') === 'windows';
  return windows ? 'it runs on Windows, for which there is no image' : undefined;
}

const takenPorts = (pod: JsonMap, { ports }: Settled): string[] =>
  [...mapsAt(pod, 'spec', 'initContainers'), ...mapsAt(pod, 'spec', 'containers')].flatMap((container) =>
    mapsAt(container, 'ports').flatMap(({ containerPort }) => {
      const setting = ports.get(Number(containerPort));
      return setting === undefined
        ? []
        : [
            `port ${Number(containerPort)} of container ${nameOf(container)} is where ${setting} would listen: move that by an annotation`,
          ];
    }),
  );

const takenVolumes = (pod: JsonMap): string[] =>
  mapsAt(pod, 'spec', 'volumes').flatMap((volume) =>
    Object.values(volumeNames).some((one) => one === nameOf(volume))
      ? [`the volume ${nameOf(volume)} has a name of ours: rename it`]
      : [],
  );

function build(pod: JsonMap, settled: Settled, said: InjectOptions['container']): Verdict {
  const spec = mapAt(pod, 'spec');
  const native = said.sidecar !== 'classic';
  const waitSeconds = settled.announces ? Math.ceil(settled.drainWaitMs / 1000) : 0;
  const proxy = said['http-proxy'] === true && settled.outboundPort !== undefined;
  const preStop = said['pre-stop'] ?? (native ? 'sleep' : 'exec');
  const record: { -readonly [K in keyof Record]: K extends 'version' | 'period' ? Record[K] : string[] } = {
    ...{ version: 1, made: [], annotations: [], preStop: [], proxy: [] },
  };
  const notes = [...settled.notes];

  const ours = sidecar(settled, { native, rootPod: rootIn(spec), said });
  const apps = mapsAt(spec, 'containers').map((container) => {
    const name = nameOf(container);
    let changed = container;
    if (proxy && !hasProxy(container)) {
      if (!isList(container['env'])) record.made.push(`env:${name}`);
      record.proxy.push(name);
      changed = put(changed, 'env', [...list(container['env']), ...proxyVariables(settled.outboundPort, said['no-proxy'])]);
    }
    const own = member(member(container, 'lifecycle'), 'preStop');
    if (waitSeconds === 0 || preStop === 'none') return changed;
    if (own !== undefined && own !== null) {
      notes.push(`container ${name} keeps its own preStop hook, which has to last ${waitSeconds} s at the least`);
      return changed;
    }
    if (!isMap(container['lifecycle'])) record.made.push(`lifecycle:${name}`);
    record.preStop.push(name);
    return put(changed, 'lifecycle', put(mapAt(container, 'lifecycle'), 'preStop', sleeping(preStop, waitSeconds)));
  });

  const lists: readonly (readonly [string, readonly Json[]])[] = [
    ...(native ? [['initContainers', [ours, ...list(spec['initContainers'])]] as const] : []),
    ['containers', native ? apps : [...apps, ours]],
    ['volumes', [...list(spec['volumes']), ...volumes(settled, said)]],
  ];
  let changed = spec;
  for (const [key, value] of lists) {
    if (value.length === list(spec[key]).length && key !== 'containers') continue;
    if (!isList(spec[key])) record.made.push(key);
    changed = put(changed, key, value);
  }
  const period = spec['terminationGracePeriodSeconds'];
  const own = typeof period === 'number' ? period : DEFAULT_PERIOD;
  const needed = Math.max(own, waitSeconds + Math.ceil((settled.graceMs ?? 0) / 1000) + LAST_SECONDS);
  if (needed !== own) {
    record.period = typeof period === 'number' ? period : null;
    changed = put(changed, 'terminationGracePeriodSeconds', needed);
  }
  if (settled.graceMs === undefined)
    notes.push('ZIDECAR_GRACE is off: calls of the app are cut when the grace period of the pod is over');
  if (settled.announces && !settled.admin) notes.push('ZIDECAR_ADMIN is off: peers hear of an end only when the app is gone');
  return { kind: 'injected', pod: put(annotated(pod, settled, record), 'spec', changed), told: settled.told, notes };
}

/** For a server of the registry that lags behind, and for the sidecar: a second in which nobody calls, and its session. */
const LAST_SECONDS = 5;
/** What the kubelet gives a pod that asks for no time. */
const DEFAULT_PERIOD = 30;

const list = (value: Json | undefined): readonly Json[] => (isList(value) ? value : []);

const rootIn = (spec: JsonMap): boolean => member(member(spec, 'securityContext'), 'runAsUser') === 0;

const sleeping = (how: 'sleep' | 'exec', seconds: number): JsonMap =>
  how === 'sleep' ? { sleep: { seconds } } : { exec: { command: ['sleep', String(seconds)] } };

const PROXY_NAMES = ['http_proxy', 'no_proxy'];
export const isProxyVariable = (row: Json): boolean => PROXY_NAMES.includes(nameOf(row));
const hasProxy = (container: JsonMap): boolean =>
  mapsAt(container, 'env').some((row) => PROXY_NAMES.includes(nameOf(row).toLowerCase()));

/** In small letters only: curl does not read the others, for good reason, and whoever reads those reads these too. */
const proxyVariables = (port: number | undefined, noProxy = 'localhost,127.0.0.1,::1,.svc,.cluster.local'): readonly Json[] => [
  { name: 'http_proxy', value: `http://127.0.0.1:${port!}` },
  { name: 'no_proxy', value: noProxy },
];

function annotated(pod: JsonMap, { healthPort }: Settled, record: Record & { made: string[]; annotations: string[] }): JsonMap {
  const metadata = mapAt(pod, 'metadata');
  const before = mapAt(metadata, 'annotations');
  const scraped = Object.keys(before).some((name) => name.startsWith('prometheus.io/'));
  const ours =
    healthPort === undefined || scraped
      ? {}
      : { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(healthPort), 'prometheus.io/path': '/metrics' };
  record.annotations.push(...Object.keys(ours));
  if (!isMap(pod['metadata'])) record.made.push('metadata');
  if (!isMap(metadata['annotations'])) record.made.push('annotations');
  const after = Object.entries({ ...ours, [RECORD]: JSON.stringify(record) }).reduce(
    (map, [key, value]) => put(map, key, value),
    before,
  );
  return put(pod, 'metadata', put(metadata, 'annotations', after));
}
