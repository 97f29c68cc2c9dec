/**
 * What can be said of a sidecar as a container, beside its settings: one row each. A row is a flag of `zidecar inject` and `zidecar
 * webhook`, for all pods, and the annotation `zidecar.dev/<name>` of one pod, which wins.
 */
import { freeText, oneOf, onOff, word, type Grammar } from './parse.js';

export interface Row<T> {
  readonly grammar: Grammar<T>;
  /** What holds when nobody has said it, in words. */
  readonly unset: string;
  /** One sentence for the help and the README. */
  readonly about: string;
}

const row = <T>(unset: string, grammar: Grammar<T>, about: string): Row<T> => ({ grammar, unset, about });

const quantity: Grammar<string> = {
  accepts: 'a quantity such as 50m, 0.5 or 128Mi',
  read: (text) =>
    /^(0|[1-9]\d{0,8})(\.\d{1,3})?(m|k|M|G|Ki|Mi|Gi)?$/.test(text) ? { value: text } : { problem: 'is not a quantity' },
};
const objectName = word('the name of an object: small letters, digits, "." and "-"', /[a-z0-9.-]/, 253);

export const container = {
  image: row('zidecar of this version', word('letters, digits and "._-:/@"', /[A-Za-z0-9._:/@-]/, 512), 'Image of the sidecar.'),
  sidecar: row('native', oneOf(['native', 'classic']), 'Form of the container; classic is for Kubernetes before 1.29.'),
  'pre-stop': row(
    'sleep; exec with a classic sidecar',
    oneOf(['sleep', 'exec', 'none']),
    'How the app waits until peers know of its end: by the kubelet (Kubernetes 1.30), by a sleep program in its image, or not.',
  ),
  'http-proxy': row('off', onOff, "Whether the app's containers get http_proxy."),
  'no-proxy': row('localhost and the cluster', freeText('hosts with commas', 4096), 'Their no_proxy.'),
  'config-map': row('none', objectName, 'A ConfigMap whose zidecar.yaml holds the settings.'),
  secret: row('none', objectName, 'A Secret to mount at /etc/zidecar/secret, for settings that end with _FILE.'),
  'cpu-request': row('20m', quantity, 'CPU that the scheduler keeps for the sidecar.'),
  'cpu-limit': row('none', quantity, 'Most CPU; a throttled proxy is a slow app.'),
  'memory-request': row('128Mi', quantity, 'Memory that the scheduler keeps for the sidecar.'),
  'memory-limit': row('256Mi', quantity, 'Most memory.'),
} as const satisfies Record<string, Row<unknown>>;

export type ContainerKey = keyof typeof container;
type Read<R> = R extends Row<infer T> ? T : never;
export type ContainerWishes = { readonly [K in ContainerKey]?: Read<(typeof container)[K]> };

export const containerKeys = Object.keys(container) as ContainerKey[];
export const isContainerKey = (name: string): name is ContainerKey => Object.hasOwn(container, name);
