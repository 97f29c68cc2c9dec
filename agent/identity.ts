/**
 * Who we say we are: the address that peers are told, and the id of the instance. Both are settings; this is what stands in for them when
 * nobody set them. The id must be the same after a restart, so that a node left by an earlier run is known to be ours.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';

export interface Route {
  readonly host: string;
  /** Why peers may not reach it; for the log. */
  readonly warning?: string;
}

/**
 * The address of this machine that routes to ZooKeeper: peers that share a registry most likely share its network. Never fails: with no
 * name of ZooKeeper resolvable it takes the first address of the machine, and says so.
 */
export async function addressTowards(servers: readonly { readonly host: string; readonly port: number }[]): Promise<Route> {
  for (const server of servers) {
    const host = await routeTo(server).catch(() => undefined);
    if (host !== undefined) return { host };
  }
  const host = firstAddress() ?? '127.0.0.1';
  return {
    host,
    warning: `no name of ZooKeeper resolves yet, so peers are told ${host}: set ZIDECAR_ADVERTISE if that is not right`,
  };
}

/** Asks the kernel which of our addresses it would send from. Connecting a UDP socket sends nothing. */
async function routeTo(server: { readonly host: string; readonly port: number }): Promise<string> {
  const { address, family } = await lookup(server.host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
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
