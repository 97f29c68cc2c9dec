/**
 * Pods as Kubernetes would be given them, as far as our kubelet reads them, with the sidecar as `zidecar inject` writes it.
 */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: 'Always';
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly startupProbe?: { readonly httpGet: { readonly path: string; readonly port: number } };
  readonly readinessProbe?: { readonly httpGet: { readonly path: string; readonly port: number } };
  readonly lifecycle?: {
    readonly preStop?: { readonly exec?: { readonly command: readonly string[] }; readonly sleep?: { readonly seconds: number } };
  };
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly terminationGracePeriodSeconds?: number;
  };
}

export const APP_PORT = 8080;

/** A pod with an app that answers on 8080, before injection. */
const bare = (name: string, uid: string): Pod => ({
  metadata: { name, uid },
  spec: {
    containers: [{ name: 'app', image: 'app', readinessProbe: { httpGet: { path: '/healthz', port: APP_PORT } } }],
  },
});

const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });

/** The same pod with the sidecar. */
export function injected(name: string, uid: string, settings: Readonly<Record<string, string>>, drainSeconds: number): Pod {
  const pod = bare(name, uid);
  const env = [
    ...Object.entries(settings).map(([key, value]): EnvVar => ({ name: key, value })),
    ...[field('POD_IP', 'status.podIP'), field('POD_NAME', 'metadata.name'), field('POD_UID', 'metadata.uid')],
  ];
  const sidecar: Container = {
    name: 'zidecar',
    image: 'zidecar',
    restartPolicy: 'Always',
    args: ['run'],
    env,
    startupProbe: { httpGet: { path: '/ready', port: 6191 } },
    ...('ZIDECAR_SERVICE' in settings && { lifecycle: { preStop: { exec: { command: ['zidecar', 'drain'] } } } }),
  };
  const containers = pod.spec.containers.map((container) => ({
    ...container,
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
  }));
  return { ...pod, spec: { initContainers: [sidecar], containers, terminationGracePeriodSeconds: drainSeconds + 25 + 5 } };
}
