/**
 * Listeners that cannot all be bound. Tells the settings by name, where the kernel would only say "address already in use". An address
 * that stands for all of its family takes the port from every other; port 0 takes none.
 */
import { address } from '../../lb/endpoint.js';
import type { Listener } from './addresses.js';

export interface Claim {
  /** The setting, or whose it is. */
  readonly what: string;
  readonly listener: Listener;
}

/** Sentences, one for each two settings that cannot stand together. */
export function clashes(claims: readonly Claim[]): readonly string[] {
  const told = new Map<string, string>();
  claims.forEach((one, index) => {
    for (const other of claims.slice(index + 1).filter(({ listener }) => clash(one.listener, listener))) {
      const both = one.what === other.what ? `${one.what} names` : `${one.what} and ${other.what} both want`;
      if (!told.has(both))
        told.set(both, `${both} ${show(other.listener)}${one.what === other.what ? ' twice' : ''}; give each a port of its own`);
    }
  });
  return [...told.values()];
}

export const show = (listener: Listener): string => (listener.kind === 'unix' ? `unix:${listener.path}` : address(listener));

function clash(one: Listener, other: Listener): boolean {
  if (one.kind === 'unix' || other.kind === 'unix') return show(one) === show(other);
  return one.port === other.port && one.port !== 0 && (covers(one.host, other.host) || covers(other.host, one.host));
}

/** `::` is bound for both families. */
function covers(one: string, other: string): boolean {
  const [any, host] = [one, other].map((name) => (name === 'localhost' ? '127.0.0.1' : name.toLowerCase()));
  return any === host || any === '::' || (any === '0.0.0.0' && !host!.includes(':'));
}
