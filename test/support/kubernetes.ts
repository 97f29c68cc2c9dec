/**
 * What an API server would say of an object, without one: the schemas of Kubernetes (kubernetes-models), with unknown fields refused; and
 * what Pod Security "restricted" says of a pod.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { at, isList, isMap, mapAt, mapsAt, member, nameOf, textAt, type Json, type JsonMap } from '../../deploy/inject/json.js';

interface Validate {
  (data: unknown): boolean;
  errors?:
    | readonly { readonly instancePath: string; readonly message?: string; readonly keyword: string; readonly params: unknown }[]
    | null;
}

const require = createRequire(import.meta.url);
const schemas = (packed: string): string => fileURLToPath(new URL(`../../../node_modules/${packed}/_schemas/`, import.meta.url));

const builtIn = (group: string): string => `${schemas('kubernetes-models')}IoK8sApi${group}`;
/** Where the schemas of a group's objects are, up to the version. */
const groups: Readonly<Record<string, string>> = {
  '': builtIn('Core'),
  apps: builtIn('Apps'),
  batch: builtIn('Batch'),
  policy: builtIn('Policy'),
  'networking.k8s.io': builtIn('Networking'),
  'rbac.authorization.k8s.io': builtIn('Rbac'),
  'admissionregistration.k8s.io': builtIn('Admissionregistration'),
  'cert-manager.io': `${schemas('@kubernetes-models/cert-manager')}CertManagerIo`,
  'monitoring.coreos.com': `${schemas('@kubernetes-models/prometheus-operator')}MonitoringCoreosCom`,
};

/** Everything that is wrong with the object; none: an API server would take it. */
export function faults(object: Json): readonly string[] {
  const [version = '', group = ''] = (textAt(object, 'apiVersion') ?? '').split('/').reverse();
  const kind = textAt(object, 'kind') ?? '';
  if (!Object.hasOwn(groups, group)) return [`the group ${group} is not known to this test`];
  const name = `${groups[group]!}${version.replace(/^./, (first) => first.toUpperCase())}${kind}.js`;
  const { validate } = require(name) as { readonly validate: Validate };
  const asked = new Map<object, Set<string>>();
  const valid = validate(watched(object, asked));
  const errors = valid
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`);
  const unknown = [...asked].flatMap(([map, keys]) => (isList(map) ? [] : Object.keys(map).filter((key) => !keys.has(key))));
  return [
    ...errors,
    ...unknown.map((key) => `${kind} ${textAt(object, 'metadata', 'name') ?? ''}: the field ${key} is not known`),
  ];
}

/** The validators are compiled: they ask for each field that they know by its name, so what they never ask for is unknown. */
function watched<T>(value: T, asked: Map<object, Set<string>>): T {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key): unknown {
      const keys = asked.get(target) ?? new Set<string>();
      asked.set(target, keys);
      if (typeof key === 'string') keys.add(key);
      return watched(Reflect.get(target, key) as unknown, asked);
    },
  });
}

/** What Pod Security "restricted" has against one container of a pod, by the rules of its page. */
export function notRestricted(pod: JsonMap, container: JsonMap): readonly string[] {
  const spec = mapAt(pod, 'spec');
  const own = mapAt(container, 'securityContext');
  const inherited = (key: string): Json | undefined => member(own, key) ?? at(spec, ['securityContext', key]);
  const drop = at(own, ['capabilities', 'drop']);
  const add = at(own, ['capabilities', 'add']);
  const volumes = mapsAt(spec, 'volumes').flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'));
  const allowed = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
  const rules: readonly (readonly [string, boolean])[] = [
    ['shares namespaces of the host', ['hostNetwork', 'hostPID', 'hostIPC'].every((key) => spec[key] !== true)],
    ['is privileged', own['privileged'] !== true],
    ['may escalate', own['allowPrivilegeEscalation'] === false],
    ['does not drop all capabilities', isList(drop) && drop.includes('ALL')],
    ['adds capabilities', !isList(add) || add.every((one) => one === 'NET_BIND_SERVICE')],
    ['may run as root', inherited('runAsNonRoot') === true && inherited('runAsUser') !== 0],
    ['has no seccomp profile', ['RuntimeDefault', 'Localhost'].includes(textAt(inherited('seccompProfile'), 'type') ?? '')],
    ['binds a port of the host', mapsAt(container, 'ports').every(({ hostPort }) => hostPort === undefined)],
    ['sets /proc or SELinux', own['procMount'] === undefined && own['seLinuxOptions'] === undefined],
    ['mounts a volume of a kind that is not allowed', volumes.every((kind) => allowed.includes(kind))],
  ];
  return rules.flatMap(([what, holds]) => (holds ? [] : [`${nameOf(container)} ${what}`]));
}

export const containersOf = (pod: JsonMap): readonly JsonMap[] => [
  ...mapsAt(pod, 'spec', 'initContainers'),
  ...mapsAt(pod, 'spec', 'containers'),
];

/** Throws unless it is a map; for the objects of a test. */
export const asMap = (value: unknown): JsonMap => {
  if (!isMap(value)) throw new Error(`not a map: ${JSON.stringify(value)}`);
  return value;
};
