/**
 * Pods as Kubernetes would be given them, as far as our kubelet reads them, with the sidecar that `zidecar inject` puts in.
 */
import { inject, type InjectOptions } from '../../deploy/inject/inject.js';
import type { JsonMap } from '../../deploy/inject/json.js';

/** The image that stands for the program of our own. */
export const SIDECAR = 'zidecar';

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
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly lifecycle?: {
    readonly preStop?: { readonly exec?: { readonly command: readonly string[] }; readonly sleep?: { readonly seconds: number } };
  };
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly emptyDir?: object;
      readonly secret?: { readonly secretName: string };
    }[];
    readonly terminationGracePeriodSeconds?: number;
  };
}

export interface About {
  readonly name: string;
  readonly uid: string;
  /** The service that it is an instance of; undefined: it only calls. */
  readonly announced: string | undefined;
}

/** `zidecar inject` for a pod whose app answers on 8080, with these settings as annotations: flag names and texts. */
export function injected(
  { name, uid, announced }: About,
  settings: Readonly<Record<string, string>>,
  options: InjectOptions = { settings: {}, container: { image: SIDECAR } },
): Pod {
  const annotations = Object.fromEntries(Object.entries(settings).map(([flag, text]) => [`config.zidecar.dev/${flag}`, text]));
  const pod: JsonMap = {
    metadata: { name, uid, annotations, ...(announced !== undefined && { labels: { app: announced } }) },
    spec: {
      containers: [
        {
          ...{ name: 'app', image: 'app', readinessProbe: { httpGet: { path: '/healthz', port: 8080 } } },
          ...(announced !== undefined && { ports: [{ containerPort: 8080 }] }), // who says no port announces nothing
        },
      ],
    },
  };
  const verdict = inject(pod, { kind: 'Pod', name }, { ...options, container: { ...options.container, image: SIDECAR } });
  if (verdict.kind !== 'injected') throw new Error(`the pod was not injected: ${JSON.stringify(verdict)}`);
  return verdict.pod as unknown as Pod;
}
