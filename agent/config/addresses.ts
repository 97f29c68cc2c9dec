/**
 * Addresses as people write them: where to listen, where ZooKeeper is, and what peers are told. Names are not resolved here.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { quote } from '../printable.js';
import { asHost } from '../registry/dialects/checked.js';
import { readParts, type Grammar, type Reading } from './parse.js';
import { pathProblem } from './sources.js';

export interface HostPort {
  /** A name or an address, an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
}

export type Listener = ({ readonly kind: 'tcp' } & HostPort) | { readonly kind: 'unix'; readonly path: string };

export type Zookeeper =
  /** `chroot` is '' or `/a/b`. */
  | { readonly kind: 'zookeeper'; readonly servers: readonly HostPort[]; readonly chroot: string }
  | { readonly kind: 'directory'; readonly path: string };

/** `host:port`, `[v6]:port`. */
export function readHostPort(text: string, leastPort: 0 | 1 = 1): Reading<HostPort> {
  const [, v6, host = v6, port] = /^(?:\[([^\]]*)\]|([^:[]*)):(.*)$/s.exec(text) ?? [];
  if (/^[^[].*:.*:|^::/s.test(text)) return { problem: 'needs brackets around an IPv6 address, such as [::1]:6140' };
  if (host === undefined || port === undefined) return { problem: 'has no port' };
  if (host === '') return { problem: 'has no host (127.0.0.1 is this machine alone, [::] all addresses)' };
  if (!isHost(host) || (v6 !== undefined && !isIPv6(v6)))
    return { problem: `has the host ${quote(host)}, which is no name or address` };
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return { problem: `has the port ${quote(port)}, which is not one` };
  return Number(port) < leastPort ? { problem: 'has port 0, which nobody can call' } : { value: { host, port: Number(port) } };
}

/** A name or an address by the same measure that nodes of others are held to; an IPv6 one without brackets. */
const isHost = (host: string): boolean => asHost(host) === host;

/** Where the admin listens unless somebody says otherwise. */
export const ADMIN = '127.0.0.1:6190,[::1]:6190';

/** None for `off`. Several with commas, as the defaults have an address of each family. Port 0 is any free one. */
export const listeners: Grammar<readonly Listener[]> = {
  accepts: 'host:port, [v6]:port, unix:/path or off',
  list: ',',
  read: (text) => (text === 'off' ? { value: [] } : readParts(text, ',', readListener)),
};

const MAX_SOCKET_PATH = 107;

function readListener(text: string): Reading<Listener> {
  if (!text.startsWith('unix:')) {
    const read = readHostPort(text, 0);
    return 'problem' in read ? read : { value: { kind: 'tcp', ...read.value } };
  }
  const path = text.slice('unix:'.length);
  if (!path.startsWith('/')) return { problem: 'has a socket without an absolute path' };
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) return { problem: `has a socket path of more than ${MAX_SOCKET_PATH} bytes` };
  return { value: { kind: 'unix', path } };
}

export const zookeeper: Grammar<Zookeeper> = {
  accepts: 'host:port,[v6]:port/chroot with names or addresses, such as zk:2181, or dir:PATH, a folder of this machine',
  read(text) {
    const path = text.startsWith('dir:') ? text.slice('dir:'.length) : undefined;
    if (path !== undefined) return path === '' ? { problem: 'names no folder' } : { value: { kind: 'directory', path } };
    if (/^\w+:\/\//.test(text)) return { problem: 'is a URL' };
    const [, hosts = '', rest = ''] = /^([^/]*)(.*)$/s.exec(text) ?? [];
    const chroot = rest.replace(/\/$/, '');
    if (chroot.includes(',')) return { problem: 'has servers behind the chroot, which stands once, at the end' };
    const wrong = chroot === '' ? undefined : pathProblem(chroot);
    if (wrong !== undefined) return { problem: `has the chroot ${quote(chroot)}, which ${wrong}` };
    const servers = readParts(hosts, ',', (part) => readHostPort(part));
    return 'problem' in servers ? servers : { value: { kind: 'zookeeper', servers: servers.value, chroot } };
  },
};

export const appHost: Grammar<string> = {
  accepts: 'a host name or an address',
  read: (text) => (isHost(text) ? { value: text } : { problem: 'is neither a host name nor an address' }),
};

/** In lower case, as Hosts are compared without it. */
export const domain: Grammar<string> = {
  accepts: 'a domain, such as zk or svc.local, without a dot at either end',
  read: (text) =>
    isHost(text) && isIP(text) === 0 && !text.endsWith('.') ? { value: text.toLowerCase() } : { problem: 'is not a domain' },
};

/** What peers are told. Without a port: the app's. */
export interface Advertised {
  readonly host: string;
  readonly port?: number;
}

export const advertise: Grammar<Advertised> = {
  accepts: 'host, host:port, v6 or [v6]:port that peers can reach',
  read(text) {
    const read = isIP(text) > 0 || !text.includes(':') ? { value: { host: text } } : readHostPort(text);
    if ('problem' in read) return read;
    if (!isHost(read.value.host)) return { problem: 'is neither a host name nor an address' };
    return callable(read.value.host) ? read : { problem: 'is an address that no peer would call' };
  },
};

/** The same addresses that our own outbound side refuses to dial: unspecified, multicast, link-local. */
function callable(host: string): boolean {
  const refused = new BlockList();
  refused.addSubnet('0.0.0.0', 8);
  refused.addSubnet('169.254.0.0', 16);
  refused.addSubnet('224.0.0.0', 4);
  refused.addAddress('::', 'ipv6');
  refused.addSubnet('fe80::', 10, 'ipv6');
  refused.addSubnet('ff00::', 8, 'ipv6');
  return isIP(host) === 0 || !refused.check(host, isIPv4(host) ? 'ipv4' : 'ipv6');
}
