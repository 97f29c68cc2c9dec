/**
 * From what the registry tells of a service to where calls may go: one endpoint for each address, in an order that is the same in every
 * sidecar. Pure; names have been resolved elsewhere.
 */
import { isIP } from 'node:net';
import { address, addressOf, type Endpoint } from '../lb/endpoint.js';
import { forbidden } from './forbidden.js';
import type { Instance } from './registry/dialects/dialect.js';
import { unspoken } from './registry/dialects/protocols.js';

export interface Refusal {
  readonly id: string;
  /** `10.1.2.3:8080`, or the name with its port where the instance gives one. */
  readonly address: string;
  readonly why: string;
}

export interface Endpoints {
  /** Sorted by id; ids and addresses are unique. */
  readonly endpoints: readonly Endpoint[];
  /** The same by address. */
  readonly byAddress: Map<string, Endpoint>;
  /** Registered, but not to be called: drained or disabled. */
  readonly down: readonly Instance[];
  readonly refused: readonly Refusal[];
  /** Hosts that are names, of those who may be called. */
  readonly names: readonly string[];
  /** Those of them that have no address yet. */
  readonly unresolved: readonly string[];
  /** The instance that each endpoint was made of. */
  readonly origins: Map<Endpoint, Instance>;
}

export const nobody = (): Endpoints => ({
  ...{ endpoints: [], byAddress: new Map(), origins: new Map() },
  ...{ down: [], refused: [], names: [], unresolved: [] },
});

export interface Surroundings {
  /** The address of a name; undefined as long as it has none. */
  readonly addressOf: (name: string) => string | undefined;
  readonly isOwnListener: (host: string, port: number) => boolean;
  /** Bytes are carried, whatever they mean: any protocol will do. */
  readonly tcp?: boolean;
  /** The id of the endpoint that stands at this address already. */
  readonly idAt?: (at: string) => string | undefined;
  /** What came of an instance the last time, which holds as long as its host has the address that it had: of a list, little changes. */
  readonly looked?: WeakMap<Instance, Looked>;
}

export interface Looked {
  readonly isName: boolean;
  readonly host: string;
  readonly at: string;
  /** Why it is refused. */
  readonly why: string | undefined;
  endpoint: Endpoint | undefined;
}

/** `instances` may come from several sources, in their order of preference: of two with one address the first counts. */
export function endpointsOf(instances: readonly Instance[], around: Surroundings): Endpoints {
  const { idAt = () => undefined } = around;
  const byAddress = new Map<string, Endpoint>();
  const origins = new Map<Endpoint, Instance>();
  const taken = new Set<string>();
  let told: ReadonlySet<string> | undefined;
  const isTold = (id: string): boolean => (told ??= new Set(instances.map((instance) => instance.id))).has(id);
  /** Another source or a later node may tell of it by another id: it is the same process, and keeps its circuit and its turn. */
  const idOf = (id: string, at: string): string => {
    const before = idAt(at);
    return before === undefined || before === id || isTold(before) ? id : before;
  };
  const [down, refused]: [Instance[], Refusal[]] = [[], []];
  const [names, unresolved] = [new Set<string>(), new Set<string>()];
  for (const instance of instances) {
    const { id, host, up } = instance;
    if (!up) {
      down.push(instance);
      continue;
    }
    const seen = lookAt(instance, around);
    if (seen?.isName !== false) names.add(host);
    if (seen === undefined) unresolved.add(host);
    else if (seen.why !== undefined) refused.push({ id, address: addressOf(instance), why: seen.why });
    else if (!byAddress.has(seen.at)) {
      let unique = idOf(id, seen.at);
      while (taken.has(unique)) unique += `@${seen.at}`;
      taken.add(unique);
      const endpoint = endpointFor(instance, unique, seen);
      byAddress.set(seen.at, endpoint);
      origins.set(endpoint, instance);
    }
  }
  const endpoints = [...byAddress.values()].sort((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0));
  return { endpoints, byAddress, down, refused, names: [...names], unresolved: [...unresolved], origins };
}

/** Undefined: it has a name without an address. */
export function lookAt(instance: Instance, { looked, addressOf, isOwnListener, tcp = false }: Surroundings): Looked | undefined {
  const { host: named, port, protocol, service } = instance;
  const known = looked?.get(instance);
  const isName = known?.isName ?? isIP(named) === 0;
  const host = isName ? addressOf(named) : named;
  if (host === undefined || known?.host === host) return host === undefined ? undefined : known;
  const barred = forbidden({ host, port }, isOwnListener);
  const said = barred && `${isName ? `${named}: ` : ''}${host} ${barred}`;
  const why = said ?? (tcp ? undefined : unspoken(protocol, service));
  const seen = { isName, host, at: address({ host, port }), why, endpoint: undefined };
  looked?.set(instance, seen);
  return seen;
}

/** The one that was made of it the last time, where that will do. */
export function endpointFor(instance: Instance, id: string, seen: Looked): Endpoint {
  const { port, weight, zone, since, warmupMs, protocol, meta } = instance;
  if (seen.endpoint?.id === id) return seen.endpoint;
  return (seen.endpoint = {
    ...{ id, host: seen.host, port, weight },
    ...(zone !== undefined && { zone }),
    ...(since !== undefined && { since }),
    ...(warmupMs !== undefined && { warmupMs }),
    ...(protocol !== undefined && { protocol }),
    meta,
  });
}
