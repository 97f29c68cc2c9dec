/**
 * For a command of a moment: that every server refuses our connection is known at once, and waiting is of use only where one is silent or busy.
 * Looked at twice, since one that was just started anew refuses for a moment, too.
 */
import type { Zookeeper } from './config/addresses.js';
import { RegistryError } from './registry/tree.js';
import { Resolver } from './registry/wire/resolve.js';
import { nobodyListens } from './registry/zookeeper/diagnose.js';
import { clock, random } from './system.js';

const AGAIN_MS = 1_000;

/** Rejects with a RegistryError when all refuse, and a second later still do; else it is never settled. */
export async function refused(zookeeper: Zookeeper): Promise<never> {
  if (zookeeper.kind === 'zookeeper') {
    const resolver = new Resolver({ servers: zookeeper.servers, clock, random, unresolved: () => undefined });
    const look = async (): Promise<string | undefined> => nobodyListens(await resolver.resolve(), clock);
    if ((await look()) !== undefined) {
      await clock.sleep(AGAIN_MS);
      const why = await look();
      if (why !== undefined) throw new RegistryError('disconnected', `no session with the registry: ${why}`);
    }
  }
  return new Promise(() => undefined);
}
