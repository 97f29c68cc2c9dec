/**
 * The sidecar as a container, with all that a cautious cluster asks of one: Pod Security "restricted", a read-only root, bounded
 * memory. Nothing here depends on the app.
 */
import { container, type ContainerWishes } from '../../agent/config/container.js';
import type { Json, JsonMap } from './json.js';
import { CONFIG_DIR, SECRET_DIR, type Settled } from './settings.js';

export const NAME = 'zidecar';
/** The volumes that a sidecar may bring along. */
export const volumeNames = {
  noToken: 'zidecar-no-token',
  state: 'zidecar-state',
  config: 'zidecar-config',
  secret: 'zidecar-secret',
} as const;
/** Where a container finds the token of the pod's service account, unless something else is mounted there. */
const TOKEN_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface SidecarOptions {
  readonly native: boolean;
  /** The pod runs as root unless a container says otherwise. */
  readonly rootPod: boolean;
  readonly said: ContainerWishes & { readonly image: string };
}

export function sidecar(settled: Settled, { native, rootPod, said }: SidecarOptions): JsonMap {
  const { env, healthPort, announces, admin } = settled;
  const http = (path: string): JsonMap => ({ httpGet: { path, port: healthPort! } });
  return {
    name: NAME,
    image: said.image,
    ...(native && { restartPolicy: 'Always' }),
    args: ['run'],
    env: [
      ...[...env].map(([name, value]): Json => ({ name, value: value.replaceAll('$(', () => '$$(') })),
      ...podFields
        .filter(([name]) => !env.has(name))
        .map(([name, fieldPath]): Json => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
    ],
    ...(healthPort !== undefined && {
      ports: [{ name: 'zidecar-health', containerPort: healthPort, protocol: 'TCP' }],
      // the app starts when this has passed: its first call finds a proxy
      startupProbe: { ...http('/ready'), periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 120 },
      livenessProbe: { ...http('/live'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    }),
    ...(announces && admin && { lifecycle: { preStop: { exec: { command: ['zidecar', 'drain'] } } } }),
    resources: {
      requests: {
        cpu: said['cpu-request'] ?? container['cpu-request'].unset,
        memory: said['memory-request'] ?? container['memory-request'].unset,
      },
      limits: {
        ...(said['cpu-limit'] !== undefined && { cpu: said['cpu-limit'] }),
        memory: said['memory-limit'] ?? container['memory-limit'].unset,
      },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      // the image names its own user; a pod that says root would win over it
      ...(rootPod && { runAsUser: 65532, runAsGroup: 65532 }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...mountsOf(settled, said),
  };
}

/**
 * What the kubelet tells of the pod. The zone is a label of the node that Kubernetes 1.35 copies to the pod; where it does not, the text
 * is empty, which counts as not set.
 */
const podFields = [
  ['POD_IP', 'status.podIP'],
  ['POD_NAME', 'metadata.name'],
  ['POD_UID', 'metadata.uid'],
  ['ZIDECAR_ZONE', "metadata.labels['topology.kubernetes.io/zone']"],
] as const;

function mountsOf({ dataDir }: Settled, said: ContainerWishes): JsonMap {
  const mounts = [
    { name: volumeNames.noToken, mountPath: TOKEN_DIR, readOnly: true },
    ...(dataDir === undefined ? [] : [{ name: volumeNames.state, mountPath: dataDir }]),
    ...(said['config-map'] === undefined ? [] : [{ name: volumeNames.config, mountPath: CONFIG_DIR, readOnly: true }]),
    ...(said.secret === undefined ? [] : [{ name: volumeNames.secret, mountPath: SECRET_DIR, readOnly: true }]),
  ];
  return { volumeMounts: mounts };
}

/** State outlives a restart of the container, not the pod's: ids and addresses of a pod's successor are others. */
export const volumes = ({ dataDir }: Settled, said: ContainerWishes): readonly JsonMap[] => [
  { name: volumeNames.noToken, emptyDir: { sizeLimit: '1Mi' } },
  ...(dataDir === undefined ? [] : [{ name: volumeNames.state, emptyDir: { sizeLimit: '32Mi' } }]),
  ...(said['config-map'] === undefined ? [] : [{ name: volumeNames.config, configMap: { name: said['config-map'] } }]),
  ...(said.secret === undefined ? [] : [{ name: volumeNames.secret, secret: { secretName: said.secret, defaultMode: 0o444 } }]),
];
