/**
 * What is known of peers when the registry cannot be asked: where they are for a new pod (the seed list), and what proves a peer that has
 * no sidecar to say who it is.
 */
import { quote } from '../printable.js';
import type { Foreign } from '../trust/prover.js';
import { readHostPort, type HostPort } from './addresses.js';
import { readParts, serviceName, type Grammar, type Reading } from './parse.js';

export const foreign: Grammar<Foreign> = {
  accepts:
    'connect (an accepted connection will do), a path on its own port that answers 200 to 399, such as /healthz, or refuse',
  read(text) {
    if (text === 'connect' || text === 'refuse') return { value: text };
    if (!text.startsWith('/')) return { problem: 'is none of them' };
    const isPath = /^[\x21-\x7e]{1,1024}$/.test(text);
    return isPath ? { value: text as Foreign } : { problem: 'is no path: it has a character in it that no request line has' };
  },
};

const MOST = 64;

/** By the name of the service, at most 64 addresses each. */
export const seed: Grammar<ReadonlyMap<string, readonly HostPort[]>> = {
  accepts: `name=host:port{+host:port} with commas, at most ${MOST} addresses for each name`,
  list: ',',
  read(text) {
    const seeds = new Map<string, readonly HostPort[]>();
    const read = readParts(text, ',', (part): Reading<unknown> => {
      const [, name = '', hosts = ''] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
      const checked = serviceName.read(name);
      if (name === '' || 'problem' in checked) return { problem: 'does not begin with the name of a service and "="' };
      if (seeds.has(name)) return { problem: `has the name ${quote(name)}, which was there before` };
      const places = readParts(hosts, '+', (host) => readHostPort(host));
      if ('problem' in places) return places;
      if (places.value.length > MOST) return { problem: `has ${places.value.length} addresses` };
      return { value: seeds.set(name, places.value) };
    });
    return 'problem' in read ? read : { value: seeds };
  },
};
