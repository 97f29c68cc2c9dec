/**
 * Who we say we are: the address that peers are told, and the id of the instance. Both are settings; this is what stands in for them when
 * nobody set them. The id must be the same after a restart, so that a node left by an earlier run is known to be ours.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Announcement } from './config/announcements.js';
import type { Config } from './config/load.js';
import { isLoopback } from './loopback.js';
import type { Clock } from './system.js';

export interface Route {
  readonly host: string;
  /** Why peers may not reach it; for the log. */
  readonly warning?: string;
}

interface Server {
  readonly host: string;
  readonly port: number;
}
/** An address of a name. Rejects when it has none. */
export type Lookup = (host: string) => Promise<string>;
const lookUp: Lookup = async (host) => (await lookup(host)).address;

/** A slow resolver must not keep us from serving: the app's calls need no address of ours. */
const NO_ANSWER_MS = 2_000;
/** An address for documentation (RFC 5737), behind the default route; nothing is sent there. */
const ANYWHERE: Server = { host: '192.0.2.1', port: 9 };

/**
 * The address of this machine that routes to ZooKeeper: peers that share a registry most likely share its network. Never fails, and takes
 * 2 s at most: with no name of ZooKeeper resolved by then it takes the address of the default route, and says so.
 */
export async function addressTowards(
  servers: readonly Server[],
  clock: Pick<Clock, 'after'>,
  lookup: Lookup = lookUp,
): Promise<Route> {
  const found = await new Promise<string | undefined>((resolve) => {
    const giveUp = clock.after(NO_ANSWER_MS, () => resolve(undefined));
    void Promise.any(servers.map((server) => routeTo(server, lookup)))
      .catch(() => undefined)
      .then((host) => (giveUp(), resolve(host)));
  });
  if (found !== undefined) return { host: found };
  const host = (await routeTo(ANYWHERE, lookup).catch(() => undefined)) ?? firstAddress() ?? '127.0.0.1';
  return {
    host,
    warning: `no name of ZooKeeper resolves, so peers are told ${host}: set ZIDECAR_ADVERTISE if that is not right`,
  };
}

/** The address that stands in where no setting names one; undefined where nobody asks for it, or no server is elsewhere. */
export async function ownRoute(
  { zookeeper, announcements, forwarded, advertise }: Pick<Config, 'zookeeper' | 'announcements' | 'forwarded' | 'advertise'>,
  clock: Pick<Clock, 'after'>,
): Promise<Route | undefined> {
  const untold = announcements.some((one) => one.advertise === undefined);
  const asked = untold || (forwarded === 'append' && (advertise === undefined || isIP(advertise.host) === 0));
  return asked && zookeeper.kind === 'zookeeper' ? addressTowards(zookeeper.servers, clock) : undefined;
}

/**
 * Sentences about addresses that peers are told and that this machine does not have: a POD_IP that was copied, a typing error. Behind a
 * NAT that is right, so it is never refused. Names are the peers' to resolve.
 */
export function foreignAddresses(announcements: readonly Pick<Announcement, 'advertise'>[], mine: readonly string[]): string[] {
  const list = new BlockList();
  for (const address of mine) list.addAddress(address, family(address));
  const told = announcements.flatMap(({ advertise }) => (advertise && isIP(advertise.host) !== 0 ? [advertise.host] : []));
  const foreign = [...new Set(told)].filter((host) => !isLoopback(host) && !list.check(host, family(host)));
  const has = mine.filter((address) => !isLoopback(address)).join(', ');
  return foreign.map(
    (host) =>
      `peers are told ${host}, which is no address of this machine (it has ${has || 'none but loopback'}): right behind a NAT; ` +
      'else set ZIDECAR_ADVERTISE to one that it has',
  );
}

/**
 * By which an app beside us may have registered itself: the name of this machine, which is the pod's, in small letters. Not its other
 * addresses, since those of a bridge are the same on many machines.
 */
export function ownNames(name = hostname()): readonly string[] {
  const small = name.toLowerCase();
  return small === '' || isLoopback(small) || small.startsWith('localhost') ? [] : [small];
}

const family = (host: string): 'ipv4' | 'ipv6' => (isIPv6(host) ? 'ipv6' : 'ipv4');

/** Asks the kernel which of our addresses it would send from. Connecting a UDP socket sends nothing. */
async function routeTo(server: Server, lookup: Lookup): Promise<string> {
  const address = isIP(server.host) === 0 ? await lookup(server.host) : server.host;
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(server.port, address, resolve);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

const firstAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

/** A UUID made of service, host and port (RFC 9562, version 5), so the same after every restart. */
export const instanceId = (service: string, host: string, port: number): string => uuidV5(`${service}|${host}:${port}`);

/** The namespace of our ids: a UUID of our own, drawn once. */
const NAMESPACE = 'c1b0a3f0-6a53-4a0e-9d1c-5f0e0a7c2f10';

function uuidV5(name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
