/**
 * Settings of a sidecar, judged by the loader that it will start with. What is in files of the pod cannot be read here.
 */
import { loadConfig, type Config } from '../../agent/config/load.js';
import { ConfigError } from '../../agent/config/problems.js';
import { envName } from '../../agent/config/schema.js';

/** The variables of the sidecar; `fromFile`: a file in the pod says more. Never throws. */
export type Judge = (env: ReadonlyMap<string, string>, fromFile: boolean) => Config | ConfigError;

/** For the judging alone, as the kubelet tells it only later. */
const inPod = { POD_IP: '192.0.2.1', POD_NAME: 'pod', POD_UID: '00000000-0000-0000-0000-000000000000' };

/** Stands for whatever a Secret may hold: a login, and how a certificate and a key begin. */
const SECRET = 'digest:user:-----BEGIN CERTIFICATE----------BEGIN PRIVATE KEY-----';

/** A file in the pod may hold whatever is missing, and its values are judged when the sidecar starts. */
export const judge: Judge = (env, fromFile) => {
  const texts: Record<string, string> = { ...inPod, ...Object.fromEntries(env) };
  const file = texts[envName('config')];
  const stand = fromFile && !env.has(envName('zookeeper')) ? { [envName('zookeeper')]: 'zookeeper:2181' } : {};
  try {
    return loadConfig({ env: { ...stand, ...texts }, readFile: (path) => (path === file ? '' : SECRET) });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
};

const MOST_KEPT = 64;
const LONGEST_KEPT = 4096;

/** Judging is most of the work for a pod, and pods of one workload have the same settings: the last ones are kept, within bounds. */
export function remembering(judged: Judge): Judge {
  const known = new Map<string, Config | ConfigError>();
  return (env, fromFile) => {
    const key = JSON.stringify([fromFile, ...env]);
    const found = known.get(key) ?? judged(env, fromFile);
    known.delete(key);
    if (key.length <= LONGEST_KEPT) known.set(key, found);
    if (known.size > MOST_KEPT) known.delete(known.keys().next().value!);
    return found;
  };
}
