/**
 * The settings of one sidecar: what the pod tells of its app, below what was asked for all pods, below the pod's own annotations.
 * They are judged by the loader that the sidecar itself will start with, so that a pod cannot be made that ends with exit code 64.
 */
import { resolve } from 'node:path';
import type { Config } from '../../agent/config/load.js';
import { ConfigError } from '../../agent/config/problems.js';
import { envName, flagName, keys, schema } from '../../agent/config/schema.js';
import { readApplication } from './application.js';
import type { TextKey } from './annotations.js';
import type { Judge } from './judge.js';
import type { ContainerWishes } from '../../agent/config/container.js';
import { textAt, type JsonMap } from './json.js';
import type { Workload } from './workloads.js';

/** Settings as texts, by key. */
export type Defaults = Readonly<Partial<Record<TextKey, string>>>;

export interface Settled {
  /** Variables of the sidecar, in the order of the schema. */
  readonly env: ReadonlyMap<string, string>;
  readonly service: string | undefined;
  /** Somebody may hear of this pod, and has to hear of its end. */
  readonly announces: boolean;
  readonly drainWaitMs: number;
  /** Undefined: as long as it takes. */
  readonly graceMs: number | undefined;
  /** The admin can be asked, so that the pod can be withdrawn before its end. */
  readonly admin: boolean;
  readonly healthPort: number | undefined;
  readonly outboundPort: number | undefined;
  /** Every TCP port that the sidecar binds, with its setting. */
  readonly ports: ReadonlyMap<number, string>;
  /** Where state is kept; undefined: nowhere. */
  readonly dataDir: string | undefined;
  /** In words: `announces orders on port 8080, probe /healthz`. */
  readonly told: string;
  readonly notes: readonly string[];
}

/** Where the ConfigMap of `zidecar.dev/config-map` and the Secret of `zidecar.dev/secret` are mounted. */
export const CONFIG_DIR = '/etc/zidecar/config';
export const SECRET_DIR = '/etc/zidecar/secret';
const CONFIG_FILE = `${CONFIG_DIR}/zidecar.yaml`;

export function settle(
  pod: JsonMap,
  workload: Workload,
  said: ContainerWishes,
  wanted: Defaults,
  judge: Judge,
): Settled | { readonly problems: readonly string[] } {
  const given = new Map<string, string>([
    ...(said['config-map'] === undefined ? [] : [['config', CONFIG_FILE] as const]),
    ...Object.entries(wanted),
  ]);
  const { notes, ...read } = given.has('config') ? { notes: [] } : readApplication(pod, workload, given.get('appPort'));
  // what ends by itself serves nobody, unless somebody says so
  const serves = given.has('service') || (read.appPort !== undefined && !endsByItself(pod));
  const texts = new Map<string, string>([...(serves ? Object.entries(read) : []), ...given]);
  const env = new Map(
    keys.flatMap((key): [string, string][] => {
      const [text, file] = [texts.get(key), texts.get(`${key}_FILE`)];
      return [
        ...(text === undefined ? [] : [[envName(key), text] as [string, string]]),
        ...(file === undefined ? [] : [[`${envName(key)}_FILE`, file] as [string, string]]),
      ];
    }),
  );
  const fromFile = texts.has('config');
  const config = judge(env, fromFile);
  if (config instanceof ConfigError) return { problems: config.problems.map((problem) => explained(problem)) };
  const closed = unwritable(config);
  if (closed.length > 0) return { problems: closed };
  return {
    env,
    service: config.service,
    announces: fromFile || config.announcements.length > 0,
    drainWaitMs: config.drainWait ?? 0,
    graceMs: config.grace,
    admin: config.admin.length > 0,
    healthPort: portsOf(config, 'health')[0],
    outboundPort: portsOf(config, 'outbound')[0],
    ports: new Map(
      (['outbound', 'admin', 'health'] as const).flatMap((key) => portsOf(config, key).map((port) => [port, envName(key)])),
    ),
    dataDir: config.dataDir,
    told: fromFile ? `reads ${texts.get('config')!}` : describe(config, texts),
    notes: [
      ...(serves || !endsByItself(pod) ? notes : []),
      ...(fromFile ? untold(config, texts) : []),
      ...(config.snapshot === undefined || below(config, config.snapshot)
        ? []
        : [`${envName('snapshot')}=${config.snapshot} ${outside(config)}: no list is kept`]),
    ],
  };
}

const seconds = (ms: number | undefined): string => (ms === undefined ? 'no end' : `${ms / 1000} s`);

/** What the file in the ConfigMap may say otherwise, and the pod's hooks and period do not hear of. */
function untold({ drainWait, grace }: Config, texts: ReadonlyMap<string, string>): readonly string[] {
  const ways = (['drainWait', 'grace'] as const)
    .filter((key) => !texts.has(key))
    .map((key) => `config.zidecar.dev/${flagName(key)}`);
  return ways.length === 0
    ? []
    : [
        `zidecar.yaml is not read here: the end of the pod is timed for a drain wait of ${seconds(drainWait)} and a grace of ${seconds(grace)}; where it says otherwise, or names another dialect, say so by ${ways.join(', ')} too`,
      ];
}

/** The root of the container is read-only, and a socket that cannot be bound ends the process. */
const unwritable = (config: Config): readonly string[] =>
  (['outbound', 'admin', 'health'] as const).flatMap((key) =>
    config[key].flatMap((listener) =>
      listener.kind === 'unix' && !below(config, listener.path)
        ? [`${envName(key)}=unix:${listener.path} ${outside(config)}`]
        : [],
    ),
  );

const below = ({ dataDir }: Config, path: string): boolean =>
  dataDir !== undefined && resolve(path).startsWith(`${resolve(dataDir)}/`);
const outside = ({ dataDir }: Config): string =>
  dataDir === undefined
    ? 'cannot be: the sidecar can write nowhere, as ZIDECAR_DATA_DIR is off'
    : `is not below ${dataDir}, the one folder in which the sidecar can write`;

export const endsByItself = (pod: JsonMap): boolean =>
  ['Never', 'OnFailure'].includes(textAt(pod, 'spec', 'restartPolicy') ?? '');

const explained = (problem: string): string =>
  problem.startsWith(`${envName('zookeeper')} (`)
    ? `no ZooKeeper is named: --zookeeper for all pods, or the annotation config.zidecar.dev/zookeeper; accepted: ${schema.zookeeper.grammar.accepts}`
    : problem;

const portsOf = (config: Config, key: 'outbound' | 'admin' | 'health'): readonly number[] => [
  ...new Set(config[key].flatMap((listener) => (listener.kind === 'tcp' ? [listener.port] : []))),
];

function describe({ service, appPort }: Config, texts: ReadonlyMap<string, string>): string {
  if (service === undefined) return 'announces nothing';
  return `announces ${service} on port ${appPort!}, probe ${texts.get('probe') ?? schema.probe.unset}`;
}
