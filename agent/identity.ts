/**
 * Who we say we are: the address that peers are told, and the id of the instance. Both are settings; this is what stands in for them when
 * nobody set them. The id must be the same after a restart, so that a node left by an earlier run is known to be ours.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface Advertised {
  readonly host: string;
  /** Why peers elsewhere may not reach it; for the log. */
  readonly warning?: string;
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host);

/**
 * The address of this machine that routes to ZooKeeper: peers that share a registry most likely share its network. `servers` is empty for
 * the embedded tree, which serves one machine. Never fails: with ZooKeeper's name unresolvable it takes the first address of the machine.
 */
export async function advertisedHost(
  podIp: string | undefined,
  servers: readonly { readonly host: string; readonly port: number }[],
): Promise<Advertised> {
  if (podIp !== undefined && isIP(podIp) !== 0) return { host: podIp };
  if (servers.length === 0) return { host: '127.0.0.1', warning: only('the embedded tree') };
  if (servers.every(({ host }) => isLoopback(host))) return { host: '127.0.0.1', warning: only('ZooKeeper on loopback') };
  for (const server of servers) {
    const host = await routeTo(server).catch(() => undefined);
    if (host !== undefined) return isLoopback(host) ? { host, warning: only('ZooKeeper on this machine') } : { host };
  }
  const host = firstAddress() ?? '127.0.0.1';
  return {
    host,
    warning: `no address of ZooKeeper can be looked up, so peers are told ${host}: set ZIDECAR_ADVERTISE if that is not right`,
  };
}

const only = (what: string): string =>
  `with ${what}, peers are told 127.0.0.1, which only this machine can reach: set ZIDECAR_ADVERTISE`;

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

export interface Pod {
  readonly name?: string | undefined;
  readonly uid?: string | undefined;
}

/** `orders-7d4b-x2x4-1f0c9a2e` in Kubernetes; elsewhere a UUID made of service, host and port, so the same after every restart. */
export function instanceId(service: string, host: string, port: number, pod: Pod): string {
  if (pod.name !== undefined && /^[A-Za-z0-9.-]{1,253}$/.test(pod.name)) {
    return pod.uid === undefined ? pod.name : `${pod.name}-${pod.uid.slice(0, 8)}`;
  }
  return uuidV5(`${service}|${host}:${port}`);
}

/** The namespace of our ids: a UUID of our own, drawn once. */
const NAMESPACE = 'c1b0a3f0-6a53-4a0e-9d1c-5f0e0a7c2f10';

/** RFC 9562, section 5.5. */
function uuidV5(name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
