/**
 * What follows from the surroundings where nobody has set it: what Kubernetes tells of the pod, where this user keeps state, how long
 * the peers of a dialect take to hear. Pure: the environment in, values out. What needs the network (the address that routes to
 * ZooKeeper) or the disk (whether a folder can be written) is left to those who have them.
 */
import { isIP } from 'node:net';
import type { Listener, Zookeeper } from './addresses.js';
import type { Announcement } from './announcements.js';
import type { Entry, Texts } from './layers.js';
import { isLoopback } from '../loopback.js';
import { dialects } from '../registry/dialects/dialects.js';

const derived = (value: unknown, text: string, name: string): Entry => ({ value, text, origin: { from: 'derived', name } });

/** What peers are told: the pod's address, or loopback where the registry is on this machine, as its readers are then too. */
export function advertised(env: Texts, registry: Zookeeper | undefined): Entry | undefined {
  const ip = env['POD_IP'];
  if (ip && isIP(ip) !== 0) return derived({ host: ip }, ip, 'POD_IP');
  const here = registry?.kind === 'directory' || registry?.servers.every(({ host }) => isLoopback(host));
  return here === true ? derived({ host: '127.0.0.1' }, '127.0.0.1', 'registry on loopback') : undefined;
}

/** Whatever a pod's name holds is fit for an id. */
export function podId(env: Texts): Entry | undefined {
  const { POD_NAME: name, POD_UID: uid } = env;
  if (!name || !uid) return undefined;
  const id = `${name}-${uid.slice(0, 8)}`;
  return /^[A-Za-z0-9._-]{1,253}$/.test(id) ? derived(id, id, 'POD_NAME, POD_UID') : undefined;
}

export function dataDir(env: Texts): Entry {
  const state = env['XDG_STATE_HOME'];
  return state?.startsWith('/')
    ? derived(`${state}/zidecar`, `${state}/zidecar`, 'XDG_STATE_HOME')
    : derived('/var/lib/zidecar', '/var/lib/zidecar', 'default');
}

/** Named after what makes two sidecars of a machine differ. */
export function snapshot(folder: string | undefined, service: string | undefined, outbound: readonly Listener[]): Entry {
  const port = outbound.flatMap((listener) => (listener.kind === 'tcp' ? [String(listener.port)] : []))[0];
  const path = folder === undefined ? undefined : `${folder}/snapshot-${service ?? port ?? 'outbound'}.json`;
  return derived(path, path ?? 'off', 'ZIDECAR_DATA_DIR');
}

/** The value stays open: of several dialects each has its own. */
export const ownPath = (dialect: string): Entry => derived(undefined, dialects.get(dialect)!.defaultPath, 'ZIDECAR_DIALECT');

/** The longest that readers of any of the announced dialects take. */
export function drainWait(announcements: readonly Announcement[], dialect: string): Entry {
  const spoken = announcements.length > 0 ? announcements.map((one) => one.dialect) : [dialect];
  const ms = Math.max(...spoken.map((name) => dialects.get(name)!.drainWaitMs));
  return derived(ms, `${ms / 1000}s`, 'ZIDECAR_DIALECT');
}
