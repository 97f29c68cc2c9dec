/**
 * The endpoints of a list, made of those before: it costs what has changed, and of what is there no more than a walk. Only where each
 * instance stands for itself, which is nearly always so: one source, and nobody shares an address or an id, is refused, or has a name that is
 * resolved.
 */
import { addressOf, type Endpoint } from '../lb/endpoint.js';
import { endpointFor, lookAt, type Endpoints, type Surroundings } from './endpoints.js';
import type { Instance } from './registry/dialects/dialect.js';

export interface Patch {
  readonly found: Endpoints;
  readonly gone: readonly Endpoint[];
  readonly joined: readonly Endpoint[];
}

/** Each of `told`, the list of a source, is an endpoint or marked as down. */
export const isPlain = ({ endpoints, down, names }: Endpoints, told: readonly Instance[]): boolean =>
  names.length === 0 && endpoints.length + down.length === told.length;

/** `found` was plain, and is used up. Undefined: all of them have to be looked at, and `found` is as it was. */
export function patched(
  found: Endpoints,
  gone: readonly Instance[],
  joined: readonly Instance[],
  around: Surroundings,
): Patch | undefined {
  const fresh = newcomers(found, gone, joined, around);
  if (fresh === undefined) return undefined;
  const { byAddress, origins } = found;
  const left = gone.flatMap((instance) => byAddress.get(addressOf(instance)) ?? []);
  for (const endpoint of left) {
    byAddress.delete(addressOf(endpoint));
    origins.delete(endpoint);
  }
  for (const [endpoint, instance] of fresh) {
    byAddress.set(addressOf(endpoint), endpoint);
    origins.set(endpoint, instance);
  }
  const endpoints = merged(found.endpoints, new Set(left), [...fresh.keys()].sort(byId));
  const absent = new Set(gone);
  const stays = (instance: Instance): boolean => !absent.has(instance);
  const down = [...(gone.every(({ up }) => up) ? found.down : found.down.filter(stays)), ...joined.filter(({ up }) => !up)];
  return { found: { ...found, endpoints, down }, gone: left, joined: [...fresh.keys()] };
}

/** What those who join and may be called come to; undefined where one of them does not stand for himself. */
function newcomers(
  { endpoints, byAddress, down, origins }: Endpoints,
  gone: readonly Instance[],
  joined: readonly Instance[],
  around: Surroundings,
): ReadonlyMap<Endpoint, Instance> | undefined {
  if (joined.length === 0) return new Map();
  const free = new Set(gone.map(addressOf));
  const taken = new Set(down.map(addressOf));
  const ids = new Set<string>();
  const absent = new Set(gone);
  let told: ReadonlySet<string> | undefined;
  const isTold = (id: string): boolean => {
    told ??= new Set([...down, ...origins.values(), ...joined].flatMap((one) => (absent.has(one) ? [] : one.id)));
    return told.has(id);
  };
  const fresh = new Map<Endpoint, Instance>();
  for (const instance of joined) {
    const { up } = instance;
    const at = addressOf(instance);
    const before = byAddress.get(at);
    if ((before !== undefined || taken.has(at)) && !free.has(at)) return undefined;
    // at the address of one who has left he is the same process, and takes over his id, unless somebody is called so
    const id = before === undefined || isTold(before.id) ? instance.id : before.id;
    free.delete(at);
    taken.add(at);
    if (!up) continue;
    const seen = lookAt(instance, around);
    if (seen === undefined || seen.isName || seen.why !== undefined) return undefined;
    const namesake = endpoints[placeIn(endpoints, id)];
    if (ids.has(id) || (namesake?.id === id && !free.has(addressOf(namesake)) && namesake !== before)) return undefined;
    ids.add(id);
    fresh.set(endpointFor(instance, id, seen), instance);
  }
  return fresh;
}

const byId = (one: Endpoint, other: Endpoint): number => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);

/** Both in order, less those who leave: one walk, however many come. */
function merged(stay: readonly Endpoint[], leaving: ReadonlySet<Endpoint>, come: readonly Endpoint[]): readonly Endpoint[] {
  const all: Endpoint[] = [];
  let next = 0;
  for (const endpoint of stay) {
    while (next < come.length && byId(come[next]!, endpoint) < 0) all.push(come[next++]!);
    if (!leaving.has(endpoint)) all.push(endpoint);
  }
  return all.concat(come.slice(next));
}

/** Where the endpoint of this id stands, or would. */
function placeIn(endpoints: readonly Endpoint[], id: string): number {
  let [first, beyond] = [0, endpoints.length];
  while (first < beyond) {
    const middle = (first + beyond) >> 1;
    if (endpoints[middle]!.id < id) first = middle + 1;
    else beyond = middle;
  }
  return first;
}
