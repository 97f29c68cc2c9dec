/**
 * The tree in ZooKeeper: puts together the keeper of the session, the link to the servers, and the tree on both. There are two clients to
 * make a link of: the native package `zookeeper`, of which this is the one importer, loaded only when such a tree is opened, so that
 * everything else works where it could not be compiled; and our own, in wire/.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { SessionKeeper } from './session.js';
import { RegistryError } from './tree.js';
import type { Spread, Tree } from './tree.js';
import type { LinkEvents } from './turn.js';
import type { ClientOptions } from './wire/client.js';
import type { Login } from './wire/login.js';
import { Resolver } from './wire/resolve.js';
import type { Address, Lookup, Routes, Server } from './wire/resolve.js';
import type { Access } from './zookeeper/access.js';
import { diagnose } from './zookeeper/diagnose.js';
import type { NativeClient } from './zookeeper/native-client.js';
import { NativeLink } from './zookeeper/native-link.js';
import { spreadOf } from './zookeeper/spread.js';
import { ZooKeeperTree, makeRoot } from './zookeeper/tree.js';
import type { Wire } from './zookeeper/wire.js';
import { WireLink } from './zookeeper/wire-link.js';
import type { Told } from './zookeeper/wire-link.js';

/** `wire`: our own, which alone can do what stands with it. */
export type ZooKeeperClient = { readonly kind: 'native' } | WireClient;

export interface WireClient extends Pick<ClientOptions, 'tls'> {
  readonly kind: 'wire';
  /** Asked for each session, and the same throughout one: what is made in it belongs to who we were. */
  readonly login?: (() => Login) | undefined;
  /** `open` where it is not said. */
  readonly access?: Access;
}

export interface ZooKeeperOptions {
  readonly servers: readonly Server[];
  /** '' or '/' for none. Created when it is missing, unless `readOnly`. */
  readonly chroot: string;
  /** Writes nothing of its own accord. */
  readonly readOnly?: boolean;
  /** The servers grant between 2 and 20 of their ticks, 4 to 40 s by default. */
  readonly sessionTimeoutMs: number;
  /** `native` where it is not said. */
  readonly client?: ZooKeeperClient | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Instead of this machine's DNS and routes. */
  readonly lookup?: Lookup;
  readonly routes?: Routes;
}

const KIB = 1024;
/** A server refuses one packet over 1 MB, and the native client puts both kinds of watch on a path into it. Our own takes several. */
const MOST_WATCHED = { native: 512 * KIB, wire: 32 * KIB * KIB };

/** Returns at once; the session follows. */
export function openZooKeeper(options: ZooKeeperOptions): Tree {
  const { client = { kind: 'wire' }, clock, random, emit, sessionTimeoutMs: timeoutMs } = options;
  const chroot = options.chroot === '/' ? '' : options.chroot;
  const resolver = new Resolver({ ...options, unresolved: (host, why) => emit({ kind: 'name_unresolved', host, why }) });
  const find = (): Promise<readonly Address[]> => resolver.resolve();
  const isSecret = client.kind === 'wire' && client.tls !== undefined;
  let trouble = '';
  const told: Told = {
    trouble: (why) => (trouble = why),
    doubt: (folder) => emit({ kind: 'warned', why: loose(folder) }),
    full: ({ of, limit }, detail) => emit({ kind: 'bound_reached', bound: of, limit, detail }),
  };
  const open = async (addresses: readonly Address[], events: LinkEvents): Promise<Wire> => {
    if (client.kind === 'native')
      return new NativeLink(new (await loadClient())(), addresses, timeoutMs, clock, events, tree.fired);
    const { tls, login, access = 'open' } = client;
    const who = { ...(tls && { tls }), ...(login && { login: login() }) };
    return new WireLink({ ...who, find, timeoutMs, clock, random }, access, events, tree.fired, told);
  };
  const keeper = new SessionKeeper<Wire>({
    timeoutMs,
    clock,
    random,
    emit,
    resolve: find,
    open,
    confirm: (wire) => makeRoot(wire, options.readOnly === true ? '' : chroot),
    diagnose: async (addresses) =>
      isSecret && addresses.length > 0 && trouble !== ''
        ? { why: trouble, isServing: false } // a port with TLS has no answer to a plain question
        : diagnose(addresses, clock, trouble),
  });
  const spread = async (withinMs: number): Promise<Spread> =>
    spreadOf(await find(), client.kind === 'wire' ? await client.tls?.() : undefined, clock, withinMs);
  const tree = new ZooKeeperTree(keeper, chroot, MOST_WATCHED[client.kind], clock, emit, spread);
  return tree;
}

const loose = (folder: string): string =>
  `${folder} was there before us, and lets everybody remove what is in it: set its access list, or remove it while it is empty`;

/** Not a literal, for which the compiler would want the types of a package that may be missing. */
const PACKAGE: string = 'zookeeper';

/** Fails with 'not_built' where the package could not be compiled. To be asked early, since a session would only say so again and again. */
export async function loadClient(): Promise<new () => NativeClient> {
  try {
    const { default: Client } = (await import(PACKAGE)) as { default: new () => NativeClient };
    return Client;
  } catch (cause) {
    throw new RegistryError('not_built', notBuilt(process.versions.node), { cause });
  }
}

/** The newest Node that the package compiles on. */
const NEWEST_NODE = 25;

/** `node`: such as `20.19.0`. */
export function notBuilt(node: string): string {
  const isTooNew = Number(node.split('.')[0]) > NEWEST_NODE;
  const remedy = isTooNew
    ? `it does not compile on Node ${node}: leave ZIDECAR_ZOOKEEPER_CLIENT out, for the client that needs no compiler, or use Node ${NEWEST_NODE} or older`
    : 'apt-get install -y python3 make g++, and install zidecar again (npm ci); or leave ZIDECAR_ZOOKEEPER_CLIENT out, for the client that needs no compiler';
  return `the native ZooKeeper client is not built: ${remedy}`;
}
