/**
 * From what the registry tells of a service to where calls may go: one endpoint for each address, in an order that is the same in every
 * sidecar. Pure; names have been resolved elsewhere.
 */
import { isIP } from 'node:net';
import { address, type Endpoint } from '../lb/endpoint.js';
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
  /** Registered, but not to be called: drained or disabled. */
  readonly down: readonly Instance[];
  readonly refused: readonly Refusal[];
  /** Hosts that are names without an address yet. */
  readonly unresolved: readonly string[];
  /** The instance that each endpoint was made of. */
  readonly origins: ReadonlyMap<Endpoint, Instance>;
}

export interface Surroundings {
  /** The address of a name; undefined as long as it has none. */
  readonly addressOf: (name: string) => string | undefined;
  readonly isOwnListener: (host: string, port: number) => boolean;
  /** Bytes are carried, whatever they mean: any protocol will do. */
  readonly tcp?: boolean;
  /** The id of the endpoint that stands at this address already. */
  readonly idAt?: (at: string) => string | undefined;
}

/** `instances` may come from several sources, in their order of preference: of two with one address the first counts. */
export function endpointsOf(
  instances: readonly Instance[],
  { addressOf, isOwnListener, tcp = false, idAt = () => undefined }: Surroundings,
): Endpoints {
  const endpoints = new Map<string, Endpoint>();
  const origins = new Map<Endpoint, Instance>();
  const taken = new Set<string>();
  const told = new Set(instances.map(({ id }) => id));
  /** Another source or a later node may tell of it by another id: it is the same process, and keeps its circuit and its turn. */
  const idOf = (id: string, at: string): string => {
    const before = idAt(at);
    return before === undefined || told.has(before) ? id : before;
  };
  const [down, refused, unresolved]: [Instance[], Refusal[], Set<string>] = [[], [], new Set()];
  for (const instance of instances) {
    const { id, host: named, port, weight, up, zone, since, warmupMs, protocol, meta } = instance;
    const host = isIP(named) === 0 ? addressOf(named) : named;
    if (!up) down.push(instance);
    else if (host === undefined) unresolved.add(named);
    else {
      const barred = forbidden({ host, port }, isOwnListener);
      const at = address({ host, port });
      const said = barred && `${host === named ? '' : `${named}: `}${host} ${barred}`;
      const why = said ?? (tcp ? undefined : unspoken(protocol, instance.service));
      if (why !== undefined) refused.push({ id, address: address(instance), why });
      else if (!endpoints.has(at)) {
        let unique = idOf(id, at);
        while (taken.has(unique)) unique += `@${at}`;
        taken.add(unique);
        const endpoint = {
          ...{ id: unique, host, port, weight },
          ...(zone !== undefined && { zone }),
          ...(since !== undefined && { since }),
          ...(warmupMs !== undefined && { warmupMs }),
          ...(protocol !== undefined && { protocol }),
          meta,
        };
        endpoints.set(at, endpoint);
        origins.set(endpoint, instance);
      }
    }
  }
  const sorted = [...endpoints.values()].sort((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0));
  return { endpoints: sorted, down, refused, unresolved: [...unresolved], origins };
}
