/**
 * Whether a call to an address would come back to this sidecar. A listener on every address is reached by all addresses of the machine,
 * and IPv4 within IPv6 is the IPv4 that it is.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';

const family = (host: string): 'ipv4' | 'ipv6' => (isIPv6(host) ? 'ipv6' : 'ipv4');

/**
 * `open`: where we listen now, as it is told (`127.0.0.1:6140`, `[::]:6191`, `unix:/run/z.sock`). `addresses`: those of this machine, asked
 * for only where a listener is on all of them.
 */
export function ownListeners(
  open: () => Iterable<string>,
  addresses: () => Iterable<string>,
): (host: string, port: number) => boolean {
  return (host, port) => {
    for (const at of open()) {
      const colon = at.lastIndexOf(':');
      if (at.slice(colon + 1) !== String(port)) continue;
      const listener = at.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
      if (isIP(listener) !== 0 && reach(listener, addresses).check(host, family(host))) return true;
    }
    return false;
  };
}

function reach(listener: string, addresses: () => Iterable<string>): BlockList {
  const list = new BlockList();
  if (listener !== '::' && listener !== '0.0.0.0') {
    list.addAddress(listener, family(listener));
    return list;
  }
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addAddress('::1', 'ipv6');
  for (const address of addresses()) list.addAddress(address, family(address));
  return list;
}
