/**
 * Addresses that no registry may send a call to: whoever can write a node must not be able to open what only this pod can reach. Loopback
 * is allowed, since pods and laptops put their apps there; our own listeners are not.
 */
import { BlockList, isIPv6 } from 'node:net';

const kinds = [
  ['is the unspecified address', '0.0.0.0/8', '::/128'],
  ['is a link-local address', '169.254.0.0/16', 'fe80::/10'],
  ['is a multicast address', '224.0.0.0/4', 'ff00::/8'],
  ['is the broadcast address', '255.255.255.255/32'],
] as const;
const family = (host: string): 'ipv4' | 'ipv6' => (isIPv6(host) ? 'ipv6' : 'ipv4');

const lists = kinds.map(([why, ...nets]) => {
  const list = new BlockList();
  for (const [net = '', prefix] of nets.map((text) => text.split('/'))) list.addSubnet(net, Number(prefix), family(net));
  return [why, list] as const;
});

/** None of the lists, at a glance: a list of thousands is looked at each time it changes, and BlockList makes an object of each address. */
const ordinary = /^(?!0\.|169\.254\.|2[2-5]\d\.)\d{1,3}(?:\.\d{1,3}){3}$/;

/** Why calls never go to this address, as the end of a sentence that begins with it. IPv4 within IPv6 counts as the IPv4 that it is. */
export function forbidden(
  { host, port }: { readonly host: string; readonly port: number },
  isOwnListener: (host: string, port: number) => boolean,
): string | undefined {
  const found = ordinary.test(host) ? undefined : lists.find(([, list]) => list.check(host, family(host)));
  if (found) return found[0];
  return isOwnListener(host, port) ? 'is a listener of this sidecar itself' : undefined;
}
