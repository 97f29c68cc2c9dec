/** The registry's tree where the settings say it is: in ZooKeeper, or in a folder of this machine. */
import type { Zookeeper } from './config/addresses.js';
import type { Emit } from './events.js';
import { openDirectory } from './registry/directory.js';
import type { Tree } from './registry/tree.js';
import { loadClient, openZooKeeper } from './registry/zookeeper.js';
import type { Clock, Random } from './system.js';
import { clientOf, type ClientSettings } from './zookeeper-client.js';

export interface TreeParts extends ClientSettings {
  readonly zookeeper: Zookeeper;
  readonly sessionTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** For a look from outside: nothing is written, not even a chroot that is missing. */
  readonly readOnly?: boolean;
}

/** Connects in the background. Fails at once only where the native client is asked for and was not built: with a RegistryError that says how to build it. */
export async function openTree({
  zookeeper,
  sessionTimeout: sessionTimeoutMs,
  clock,
  random,
  emit,
  readOnly = false,
  ...settings
}: TreeParts): Promise<Tree> {
  if (zookeeper.kind === 'zookeeper') {
    const client = clientOf(settings, (why) => emit({ kind: 'warned', why }));
    if (client.kind === 'native') await loadClient();
    const { servers, chroot } = zookeeper;
    return openZooKeeper({ servers, chroot, sessionTimeoutMs, client, clock, random, emit, readOnly });
  }
  return openDirectory({ path: zookeeper.path, sessionTimeoutMs, clock, random, emit, readOnly });
}
