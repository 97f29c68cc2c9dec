/**
 * Which peers are followed, and what their upstreams hold: instances of the registry become endpoints. A peer that the settings name is
 * followed from the start; any other from its first call, unless the list is closed, and until nobody has called it for a while. A call
 * with a known name costs one look into a map.
 */
import { isServiceName, knownName } from '../lb/route.js';
import type { Endpoint } from '../lb/endpoint.js';
import type { Refused } from '../lb/refusal.js';
import type { Emit } from './events.js';
import { each, inTurns } from './in-turns.js';
import { Names, type Resolve } from './names.js';
import { Peer, type ListView, type Trusting } from './peer.js';
import { whyNobody } from './peer-notes.js';
import { quote } from './printable.js';
import type { InstanceList, Registry, Source } from './registry/registry.js';
import type { Clock, Random } from './system.js';

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
  readonly registry: Pick<Registry, 'watch' | 'names'>;
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
  readonly trusting?: Partial<Trusting>;
  readonly limits?: Partial<DiscoveryLimits>;
}

export interface DiscoveredView extends ReturnType<Peer<unknown>['view']> {
  readonly name: string;
  readonly named: boolean;
  readonly listed: boolean;
  /** Every source has told its list, and its session is connected. */
  readonly confirmed: boolean;
}

const defaults: DiscoveryLimits = { unnamed: 256, newPerSecond: 10, idleMs: 600_000 };
const SWEEP_MS = 30_000;

export class Discovery<U extends UpstreamLike> {
  readonly #parts: DiscoveryParts<U>;
  readonly #limits: DiscoveryLimits;
  readonly #names: Names;
  readonly #peers = new Map<string, Peer<U>>();
  #named: ReadonlySet<string>;
  #closed: boolean;
  #unnamed = 0;
  /** When the last new names came, oldest first. */
  #newcomers: readonly number[] = [];
  #full = false;
  #stopSweeping = (): void => undefined;
  #stopped = false;

  constructor(parts: DiscoveryParts<U>) {
    const { clock, random, emit, resolve } = parts;
    this.#parts = parts;
    this.#named = new Set(parts.named);
    this.#closed = parts.closed;
    this.#limits = { ...defaults, ...parts.limits };
    this.#names = new Names({
      ...{ clock, random, emit, resolve },
      onChange: (users) => this.#each(users, (peer) => peer.refresh()),
      onNone: (users) => this.#each(users, (peer) => peer.settle()),
    });
  }

  /** Resolves when all who are named are followed. */
  start(): Promise<void> {
    this.#stopSweeping = this.#parts.clock.every(SWEEP_MS, () => this.#sweep());
    return this.#followNamed();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopSweeping();
    for (const peer of this.#peers.values()) peer.stop();
    this.#names.stop();
  }

  /** Others are named now. Who is named no more is followed on as long as he is called, or not at all where the list is closed. */
  rename(named: readonly string[], closed: boolean): void {
    if (this.#stopped) return;
    const names = new Set(named);
    this.#named = names;
    this.#closed = closed;
    for (const [name, peer] of this.#peers) {
      const isNamed = names.has(name);
      if (isNamed !== peer.named) this.#unnamed += isNamed ? -1 : 1;
      peer.named = isNamed;
      if (!isNamed && closed) this.#leave(name, peer);
    }
    void this.#followNamed();
  }

  /** Looks at every endpoint again: where we listen has changed. */
  recheck(): Promise<void> {
    const recheck = each(this.#peers.values(), (peer) => peer.recheck());
    return inTurns(recheck, this.#parts.clock, () => this.#stopped);
  }

  /** The upstream for a name that a call brought, or the refusal that the app is told. `absolute`: the call came through `http_proxy`. */
  lookup(name: string, absolute = false): U | Refused {
    const peer = this.#peers.get(name) ?? this.#peers.get(knownName(name, this.#peers) ?? '');
    return peer ? peer.upstream : this.#newcomer(name, absolute);
  }

  /** The same without following anybody new. */
  peek(name: string, absolute = false): U | Refused {
    const peer = this.#peers.get(name) ?? this.#peers.get(knownName(name, this.#peers) ?? '');
    if (peer) return peer.upstream;
    const isNamed = knownName(name, this.#named) !== undefined; // its turn has not come yet
    if (!isNamed && (this.#closed || !isServiceName(name))) return this.#newcomer(name, absolute);
    const message = `${quote(name)} is not followed yet: its first call would follow it, and wait up to a second for its list`;
    return { code: 'discovering', message };
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
    return Array.from(this.#peers.values(), (peer) => {
      const { upstream, named, list } = peer;
      return { name: upstream.name, named, listed: upstream.listed, confirmed: list.confirmed, ...peer.view() };
    });
  }

  /** How old the list of an upstream is, and where it came from; undefined: nobody follows it. */
  listOf(name: string): ListView | undefined {
    return this.#peers.get(name)?.list;
  }

  /** The same of all of them. */
  listViews(): readonly (ListView & { readonly name: string })[] {
    return Array.from(this.#peers.values(), ({ upstream, list }) => ({ name: upstream.name, ...list }));
  }

  /** What is to be said of it beside its endpoints: why it is not read, who is passed over. */
  notesOf(name: string): readonly string[] {
    return this.#peers.get(name)?.notes ?? [];
  }

  /** Why nobody of it can be called, and what to do; undefined: nobody is registered, or nobody follows it. */
  whyNobody(name: string): string | undefined {
    const peer = this.#peers.get(name);
    return peer && whyNobody(peer.view());
  }

  /** What the registry has told of a peer, source by source; undefined where it does not hold, or nobody follows it. */
  confirmedLists(name: string): readonly { readonly source: Source; readonly list: InstanceList }[] | undefined {
    return this.#peers.get(name)?.confirmedLists;
  }

  /** An operator knows better than the registry. Undefined: nobody follows it; else how many endpoints that changes. */
  overrule(name: string, what: 'trust' | 'drop'): number | undefined {
    return this.#peers.get(name)?.overrule(what);
  }

  // who is followed

  #followNamed(): Promise<void> {
    const named = this.#named;
    const follow = (name: string): void => {
      if (!this.#peers.has(name)) this.#follow(name, true);
    };
    const isOver = (): boolean => this.#stopped || this.#named !== named; // a reload follows those of its own
    return inTurns(each(named, follow), this.#parts.clock, isOver);
  }

  #newcomer(name: string, absolute: boolean): U | Refused {
    const { clock, emit } = this.#parts;
    const [closed, named] = [this.#closed, this.#named];
    const known = knownName(name, named);
    if (known !== undefined) return this.#follow(known, true); // its turn has not come yet
    const hint = absolute ? '; for hosts outside the registry, set no_proxy' : '';
    const unknown = (why: string): Refused => ({ code: 'unknown_upstream', message: `${quote(name)} ${why}${hint}` });
    if (!isServiceName(name)) return unknown('is not the name of a service: 1 to 253 of A-Z a-z 0-9 . _ -');
    if (closed) {
      const some = [...named].slice(0, 10).join(', ') + (named.size > 10 ? ' and more' : '');
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
    const { makeUpstream, sourcesFor, registry, clock, random, emit, isOwnListener = () => false, trusting } = this.#parts;
    const tcp = this.#parts.isTcp?.(name) ?? false;
    const upstream = makeUpstream(name);
    const peer = new Peer<U>({
      ...{ upstream, named, sources: sourcesFor(name), registry, clock, random, emit, isOwnListener, tcp },
      addressOf: (host) => this.#names.addressOf(host),
      isAwaited: (host) => this.#names.isAwaited(host),
      useNames: (hosts) => this.#names.use(name, hosts),
      trusting: { ...unguarded, ...trusting },
    });
    this.#peers.set(name, peer);
    if (!named) this.#unnamed++;
    peer.start();
    return upstream;
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    for (const [name, peer] of this.#peers)
      if (!peer.named && now - peer.upstream.lastUsed >= this.#limits.idleMs) this.#leave(name, peer);
  }

  /** An unnamed one is followed no more. */
  #leave(name: string, peer: Peer<U>): void {
    this.#peers.delete(name);
    this.#unnamed--;
    peer.forget();
  }

  #each(users: ReadonlySet<string>, look: (peer: Peer<U>) => void): void {
    for (const name of users) {
      const peer = this.#peers.get(name);
      if (peer) look(peer);
    }
  }
}

/** Whoever is asked to prove himself is believed. */
const unguarded: Trusting = {
  prove: () => Promise.resolve({ kind: 'foreign' }),
  foreign: () => 'connect',
  connectTimeoutMs: () => 1_000,
  remembered: () => undefined,
  seeds: () => [],
  heard: () => undefined,
};
