/**
 * The tree in ZooKeeper: puts together the keeper of the session, the link to the servers, and the tree on both. The one importer of the
 * native package `zookeeper`, which it loads only when a tree is opened, so that everything else works where it could not be compiled.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { Resolver } from './resolve.js';
import type { Lookup, Routes, Server } from './resolve.js';
import { SessionKeeper } from './session.js';
import { RegistryError } from './tree.js';
import type { Tree } from './tree.js';
import { diagnose } from './zookeeper/diagnose.js';
import { NativeLink } from './zookeeper/native-link.js';
import type { NativeClient } from './zookeeper/native-link.js';
import { ZooKeeperTree, makeRoot } from './zookeeper/tree.js';
import type { Wire } from './zookeeper/tree.js';

export interface ZooKeeperOptions {
  readonly servers: readonly Server[];
  /** '' or '/' for none. Created when it is missing, unless `readOnly`. */
  readonly chroot: string;
  /** Writes nothing of its own accord. */
  readonly readOnly?: boolean;
  /** The servers grant between 2 and 20 of their ticks, 4 to 40 s by default. */
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Instead of this machine's DNS and routes. */
  readonly lookup?: Lookup;
  readonly routes?: Routes;
}

/** Returns at once; the session follows. */
export function openZooKeeper(options: ZooKeeperOptions): Tree {
  const { clock, random, emit, sessionTimeoutMs: timeoutMs } = options;
  const chroot = options.chroot === '/' ? '' : options.chroot;
  const resolver = new Resolver(options);
  const keeper = new SessionKeeper<Wire>({
    timeoutMs,
    clock,
    random,
    emit,
    resolve: () => resolver.resolve(),
    open: async (addresses, events) => new NativeLink(new (await loadClient())(), addresses, timeoutMs, clock, events),
    confirm: (wire) => makeRoot(wire, options.readOnly === true ? '' : chroot),
    diagnose: (addresses) => diagnose(addresses, clock),
  });
  return new ZooKeeperTree(keeper, chroot, clock, emit);
}

/** Not a literal, for which the compiler would want the types of a package that may be missing. */
const PACKAGE: string = 'zookeeper';

/** Fails with 'not_built' where the package could not be compiled. To be asked early, since a session would only say so again and again. */
export async function loadClient(): Promise<new () => NativeClient> {
  try {
    const { default: Client } = (await import(PACKAGE)) as { default: new () => NativeClient };
    return Client;
  } catch (cause) {
    const remedy = 'apt-get install -y python3 make g++ && npm rebuild zookeeper';
    throw new RegistryError('not_built', `the ZooKeeper client is not built: ${remedy}`, { cause });
  }
}
