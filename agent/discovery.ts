/**
 * Which peers are followed, and what their upstreams hold: instances of the registry become endpoints. A peer that the settings name is
 * followed from the start; any other from its first call, unless the list is closed, and until nobody has called it for a while. A call
 * with a known name costs one look into a map.
 */
import { isIP } from 'node:net';
import { isServiceName, knownName } from '../lb/route.js';
import { address, type Endpoint } from '../lb/endpoint.js';
import type { Refused } from '../lb/refusal.js';
import { endpointsOf, type Endpoints, type Refusal } from './endpoints.js';
import type { Emit } from './events.js';
import { Names, type Resolve } from './names.js';
import { quote } from './printable.js';
import type { Instance } from './registry/dialects/dialect.js';
import type { InstanceList, Registry, Skipped, Source } from './registry/registry.js';
import type { Clock, Random } from './system.js';
import { unionOf } from './union.js';

/** What discovery needs of an upstream: see lb/upstream.ts. */
export interface UpstreamLike {
  readonly name: string;
  readonly listed: boolean;
  /** Monotonic milliseconds. */
  readonly lastUsed: number;
  update(endpoints: readonly Endpoint[]): void;
}

export interface DiscoveryLimits {
  /** Peers that no setting names. */
  readonly unnamed: number;
  readonly newPerSecond: number;
  /** An unnamed peer without a call for so long is followed no more. */
  readonly idleMs: number;
}

export interface DiscoveryParts<U extends UpstreamLike> {
  readonly registry: Pick<Registry, 'watch'>;
  readonly makeUpstream: (name: string) => U;
  readonly sourcesFor: (name: string) => readonly Source[];
  /** Followed from `start` on. */
  readonly named: readonly string[];
  /** True: no other name is known. */
  readonly closed: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** True for an address that reaches this sidecar itself: see own-listeners.ts. */
  readonly isOwnListener?: (host: string, port: number) => boolean;
  /** True for a peer whose bytes are carried, and not its HTTP. */
  readonly isTcp?: (name: string) => boolean;
  readonly resolve?: Resolve;
  readonly limits?: Partial<DiscoveryLimits>;
}

export interface SourceView extends Source {
  /** Undefined before the first list. */
  readonly confirmed: boolean | undefined;
  /** Milliseconds since 1970. */
  readonly asOf: number | undefined;
  readonly instances: number;
  readonly skipped: readonly Skipped[];
}

export interface DiscoveredView {
  readonly name: string;
  readonly named: boolean;
  readonly listed: boolean;
  /** Every source has told its list, and its session is connected. */
  readonly confirmed: boolean;
  readonly sources: readonly SourceView[];
  readonly down: readonly Instance[];
  readonly refused: readonly Refusal[];
  readonly unresolved: readonly string[];
}

interface Peer<U> {
  readonly upstream: U;
  named: boolean;
  readonly sources: readonly Source[];
  readonly lists: (InstanceList | undefined)[];
  found: Endpoints;
  /** Refusals that have been told, and still hold. */
  told: ReadonlySet<string>;
  stop: () => void;
}

const defaults: DiscoveryLimits = { unnamed: 256, newPerSecond: 10, idleMs: 600_000 };
const SWEEP_MS = 30_000;
const nothing: Endpoints = { endpoints: [], down: [], refused: [], unresolved: [] };

export class Discovery<U extends UpstreamLike> {
  readonly #parts: DiscoveryParts<U>;
  readonly #limits: DiscoveryLimits;
  readonly #names: Names;
  readonly #peers = new Map<string, Peer<U>>();
  #named: readonly string[];
  #closed: boolean;
  #unnamed = 0;
  /** When the last new names came, oldest first. */
  #newcomers: readonly number[] = [];
  #full = false;
  #stopSweeping = (): void => undefined;

  constructor(parts: DiscoveryParts<U>) {
    const { clock, random, emit, resolve } = parts;
    this.#parts = parts;
    this.#named = parts.named;
    this.#closed = parts.closed;
    this.#limits = { ...defaults, ...parts.limits };
    this.#names = new Names({ clock, random, emit, resolve, onChange: (users) => this.#renamed(users) });
  }

  start(): void {
    this.rename(this.#named, this.#closed);
    this.#stopSweeping = this.#parts.clock.every(SWEEP_MS, () => this.#sweep());
  }

  stop(): void {
    this.#stopSweeping();
    for (const peer of this.#peers.values()) peer.stop();
    this.#names.stop();
  }

  /** Others are named now. Who is named no more is followed on as long as he is called, or not at all where the list is closed. */
  rename(named: readonly string[], closed: boolean): void {
    this.#named = named;
    this.#closed = closed;
    const names = new Set(named);
    for (const [name, peer] of this.#peers) {
      const isNamed = names.delete(name);
      if (isNamed !== peer.named) this.#unnamed += isNamed ? -1 : 1;
      peer.named = isNamed;
      if (!isNamed && closed) this.#leave(name, peer);
    }
    for (const name of names) this.#follow(name, true);
  }

  /** Looks at every endpoint again: where we listen has changed. */
  recheck(): void {
    for (const peer of this.#peers.values()) this.#refresh(peer);
  }

  /** The upstream for a name that a call brought, or the refusal that the app is told. `absolute`: the call came through `http_proxy`. */
  lookup(name: string, absolute = false): U | Refused {
    const peer = this.#peers.get(name) ?? this.#peers.get(knownName(name, this.#peers) ?? '');
    return peer ? peer.upstream : this.#newcomer(name, absolute);
  }

  /** Every upstream there is, the named ones first. */
  upstreams(): readonly U[] {
    return [...this.#peers.values()].map(({ upstream }) => upstream);
  }

  /** False as long as nobody has told a list of it, be it empty. */
  isListed(name: string): boolean {
    return this.#peers.get(name)?.upstream.listed ?? false;
  }

  /** How many peers are followed. */
  get sizes(): { readonly named: number; readonly unnamed: number } {
    return { named: this.#peers.size - this.#unnamed, unnamed: this.#unnamed };
  }

  view(): readonly DiscoveredView[] {
    return [...this.#peers.values()].map(({ upstream, named, sources, lists, found: { down, refused, unresolved } }) => ({
      ...{ name: upstream.name, named, listed: upstream.listed },
      confirmed: sources.every((_, index) => lists[index]?.confirmed === true),
      sources: sources.map((source, index) => ({
        ...source,
        ...{ confirmed: lists[index]?.confirmed, asOf: lists[index]?.asOf },
        ...{ instances: lists[index]?.instances.length ?? 0, skipped: lists[index]?.skipped ?? [] },
      })),
      ...{ down, refused, unresolved },
    }));
  }

  // who is followed

  #newcomer(name: string, absolute: boolean): U | Refused {
    const { clock, emit } = this.#parts;
    const [closed, named] = [this.#closed, this.#named];
    const hint = absolute ? '; for hosts outside the registry, set no_proxy' : '';
    const unknown = (why: string): Refused => ({ code: 'unknown_upstream', message: `${quote(name)} ${why}${hint}` });
    if (!isServiceName(name)) return unknown('is not the name of a service: 1 to 253 of A-Z a-z 0-9 . _ -');
    if (closed) {
      const some = named.slice(0, 10).join(', ') + (named.length > 10 ? ' and more' : '');
      return unknown(`is not in ZIDECAR_UPSTREAMS (${some}): add it, or add * to call any service`);
    }
    if (this.#unnamed >= this.#limits.unnamed) this.#sweep();
    if (this.#unnamed >= this.#limits.unnamed) {
      const why = `would be one name more than the ${this.#limits.unnamed} beside those in ZIDECAR_UPSTREAMS: add the peers you need there`;
      if (!this.#full)
        emit({ kind: 'bound_reached', bound: 'upstreams', limit: this.#limits.unnamed, detail: `${quote(name)} ${why}` });
      this.#full = true;
      return unknown(why);
    }
    this.#full = false;
    const now = clock.now();
    this.#newcomers = this.#newcomers.filter((at) => now - at < 1_000);
    if (this.#newcomers.length >= this.#limits.newPerSecond) {
      const message = `${quote(name)} is new, and ${this.#limits.newPerSecond} other names were new within this second: call again`;
      return { code: 'discovering', message };
    }
    this.#newcomers = [...this.#newcomers, now];
    return this.#follow(name, false);
  }

  #follow(name: string, named: boolean): U {
    const { makeUpstream, sourcesFor, registry } = this.#parts;
    const sources = sourcesFor(name);
    const peer: Peer<U> = {
      ...{ upstream: makeUpstream(name), named, sources },
      ...{ lists: sources.map(() => undefined), found: nothing, told: new Set<string>(), stop: () => undefined },
    };
    this.#peers.set(name, peer);
    if (!named) this.#unnamed++;
    const stops = sources.map((source, index) =>
      registry.watch(name, source, (list) => {
        peer.lists[index] = list;
        this.#refresh(peer);
      }),
    );
    peer.stop = () => stops.forEach((stop) => stop());
    return peer.upstream;
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    for (const [name, peer] of this.#peers)
      if (!peer.named && now - peer.upstream.lastUsed >= this.#limits.idleMs) this.#leave(name, peer);
  }

  /** An unnamed one is followed no more. */
  #leave(name: string, { upstream, stop }: Peer<U>): void {
    stop();
    this.#peers.delete(name);
    this.#unnamed--;
    this.#names.use(name, []);
    upstream.update([]); // its connections close
  }

  // what they hold

  #refresh(peer: Peer<U>): void {
    const { emit, isOwnListener = () => false } = this.#parts;
    const { upstream, lists } = peer;
    const instances = unionOf(lists.map((list) => list?.instances ?? []));
    const names = instances.filter(({ up, host }) => up && isIP(host) === 0).map(({ host }) => host);
    this.#names.use(upstream.name, names);
    const tcp = this.#parts.isTcp?.(upstream.name) ?? false;
    const ids = new Map(peer.found.endpoints.map((endpoint) => [address(endpoint), endpoint.id]));
    const addressOf = (host: string): string | undefined => this.#names.addressOf(host);
    peer.found = endpointsOf(instances, { addressOf, isOwnListener, tcp, idAt: (at) => ids.get(at) });
    const told = new Set<string>();
    for (const { id, address, why } of peer.found.refused) {
      const key = `${id} ${address} ${why}`;
      if (!peer.told.has(key)) emit({ kind: 'endpoint_refused', upstream: upstream.name, endpoint: address, why });
      told.add(key);
    }
    peer.told = told;
    // with a source still silent, nobody found does not mean that nobody is there
    if (peer.found.endpoints.length > 0 || lists.every((list) => list !== undefined)) upstream.update(peer.found.endpoints);
  }

  #renamed(users: ReadonlySet<string>): void {
    for (const peer of [...users].map((name) => this.#peers.get(name))) if (peer) this.#refresh(peer);
  }
}
