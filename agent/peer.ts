/**
 * One service that is called: the lists of its sources become the endpoints of its upstream. A source that has told nothing yet is stood in
 * for by what the snapshot remembers of it, and where nobody has told or remembers anything, the seeds are all there is. Which of them have
 * to prove who they are is the guard's to say (trust/guard.ts).
 */
import { difference } from '../lb/difference.js';
import { addressOf, type Endpoint } from '../lb/endpoint.js';
import { endpointsOf, nobody, type Endpoints, type Looked, type Surroundings } from './endpoints.js';
import type { Emit } from './events.js';
import { sliceOf } from './leavers.js';
import type { Instance } from './registry/dialects/dialect.js';
import { notesOf, type PeerView, type SourceView } from './peer-notes.js';
import { isPlain, patched } from './patched.js';
import type { InstanceList, Registry, Source } from './registry/registry.js';
import type { Clock, Random } from './system.js';
import { Guard } from './trust/guard.js';
import type { Foreign, Proof, Suspect } from './trust/prover.js';
import { listedOf } from './trust/listed.js';
import type { Listed } from './trust/trust.js';
import { unionOf } from './union.js';
import { healthPortOf, plainHost } from './trust/who-answers.js';

/** How doubtful endpoints prove who they are, and what is known of peers before the registry has spoken. */
export interface Trusting {
  readonly prove: (suspect: Suspect) => Promise<Proof>;
  readonly foreign: (name: string) => Foreign;
  readonly connectTimeoutMs: (name: string) => number | undefined;
  /** From an earlier run: the last good list of a source. */
  readonly remembered: (name: string, source: Source) => InstanceList | undefined;
  readonly seeds: (name: string) => readonly Instance[];
  /** A whole list of an upstream was told by the registry, or is confirmed anew. */
  readonly heard: (name: string) => void;
}

export interface PeerParts<U> {
  readonly upstream: U & { readonly name: string; update(endpoints: readonly Endpoint[]): void };
  readonly named: boolean;
  readonly sources: readonly Source[];
  readonly registry: Pick<Registry, 'watch' | 'names'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly isOwnListener: (host: string, port: number) => boolean;
  /** Its bytes are carried, and not its HTTP. */
  readonly tcp: boolean;
  readonly addressOf: (name: string) => string | undefined;
  /** Its first look-up has not ended. */
  readonly isAwaited: (name: string) => boolean;
  /** Names that are to be resolved from now on. */
  readonly useNames: (hosts: readonly string[]) => void;
  readonly trusting: Trusting;
}

/** Where the list of a peer came from, and how old it is. */
export interface ListView {
  readonly from: 'registry' | 'snapshot' | 'seed' | 'none';
  readonly confirmed: boolean;
  /** When the oldest of its parts was told, milliseconds since 1970; undefined where none was. */
  readonly asOf: number | undefined;
  readonly doubtful: number;
}

/** How long the first list waits for names when it has nobody else: as long as a call waits for it. */
const NAMES_MS = 1_000;

export class Peer<U> {
  readonly upstream: PeerParts<U>['upstream'];
  named: boolean;
  readonly #parts: PeerParts<U>;
  readonly #guard: Guard;
  readonly #lists: (InstanceList | undefined)[];
  readonly #troubles: (string | undefined)[] = [];
  readonly #remembered: readonly (InstanceList | undefined)[];
  /** What the registry said of an endpoint, kept for as long as somebody holds it. */
  readonly #origins = new WeakMap<Endpoint, Instance>();
  readonly #services: ReadonlySet<string>;
  #found: Endpoints = nobody();
  /** Each instance of the one list is an endpoint or down, so that it can be patched. */
  #isPlain = false;
  /** What came of each instance; void when where we listen has changed. */
  #looked = new WeakMap<Instance, Looked>();
  /** The upstream has been given a list. */
  #fed = false;
  /** Names without an answer are waited for no more. */
  #waited = false;
  #stopWaiting: (() => void) | undefined;
  /** Of the list that was told last, who has left it is to be taken out in the next turns. */
  #stopTaking: (() => void) | undefined;
  /** Refusals that have been told, and still hold. */
  #told: ReadonlySet<string> = new Set();
  #stops: readonly (() => void)[] = [];

  constructor(parts: PeerParts<U>) {
    const { upstream, sources, registry, clock, random, emit, trusting } = parts;
    this.upstream = upstream;
    this.named = parts.named;
    this.#parts = parts;
    this.#lists = sources.map(() => undefined);
    this.#remembered = sources.map((source) => trusting.remembered(upstream.name, source));
    this.#services = new Set([upstream.name, ...sources.flatMap(({ path }) => path.split('/').filter(Boolean))]);
    this.#guard = new Guard({
      ...{ upstream: upstream.name, clock, random, emit, prove: trusting.prove },
      suspectOf: (endpoint, why) => this.#suspect(endpoint, why === 'seed'),
      nodeOf: (endpoint) => this.#origins.get(endpoint)?.id ?? endpoint.id,
      names: async () => new Set((await Promise.all(sources.map((at) => registry.names(at)))).flatMap((names) => [...names])),
      connectTimeoutMs: () => trusting.connectTimeoutMs(upstream.name),
      onEndpoints: (endpoints) => {
        this.#fed ||= endpoints.length > 0 || this.#isNobody;
        if (this.#fed) upstream.update(endpoints);
        else if (this.#isTold) this.#stopWaiting ??= clock.after(NAMES_MS, () => ((this.#waited = true), this.settle()));
        if (this.#isConfirmed) trusting.heard(upstream.name); // of those who were kept and are let go, no list tells
      },
    });
  }

  start(): void {
    const { registry, sources, upstream, trusting } = this.#parts;
    if (this.#stands.length > 0 || trusting.seeds(upstream.name).length > 0) this.refresh();
    this.#stops = sources.map((source, index) =>
      registry.watch(
        upstream.name,
        source,
        (list) => this.#take(index, list),
        (why) => (this.#troubles[index] = why),
      ),
    );
  }

  stop(): void {
    this.#guard.stop();
    this.#stopWaiting?.();
    this.#stopTaking?.();
    for (const stop of this.#stops) stop();
  }

  /** Nobody is to call it any more. */
  forget(): void {
    this.stop();
    this.#parts.useNames([]);
    this.upstream.update([]); // its connections close
  }

  /** Where we listen has changed. */
  recheck(): void {
    this.#looked = new WeakMap();
    this.refresh();
  }

  #take(index: number, list: InstanceList): void {
    this.#stopTaking?.();
    const before = this.#lists[index];
    this.#lists[index] = list;
    if (before === undefined || before.partial !== list.partial) return this.refresh();
    const { gone, joined } = difference(before.instances, list.instances);
    if (!before.confirmed || !list.confirmed) {
      if (gone.length + joined.length > 0) return this.refresh();
      // a session has come or gone, and nobody else
      if (this.#stands.length === 1) return this.#guard.retold(list.confirmed ? undefined : 'unconfirmed');
      return this.#guard.heard(this.#listed(this.#stands), this.#excused);
    }
    this.#change(index, list, gone, joined);
  }

  /** In slices, where many leave: who is to follow is known then, and not looked for again. */
  #change(index: number, list: InstanceList, gone: readonly Instance[], joined: readonly Instance[]): void {
    this.#lists[index] = list;
    const slice = sliceOf(gone, joined);
    const patch = this.#lists.length > 1 || !this.#isPlain ? undefined : patched(this.#found, slice.gone, joined, this.#around);
    if (patch === undefined) return this.refresh();
    this.#found = patch.found;
    for (const endpoint of patch.joined) this.#origins.set(endpoint, this.#found.origins.get(endpoint)!);
    const excused = this.#excused;
    const isMissed = (one: Instance): boolean => one.up && !excused.has(one.id) && !excused.has(addressOf(one));
    this.#guard.changed(patch, excused, slice.ahead.filter(isMissed).length);
    if (slice.ahead.length === 0) return;
    this.#lists[index] = { ...list, instances: [...slice.ahead, ...list.instances] };
    this.#stopTaking = this.#parts.clock.after(1, () => this.#change(index, list, slice.ahead, []));
  }

  /**
   * Looks at every instance: much of a list, an address of a name, or where we listen has changed. Who is as he was keeps his endpoint, and costs
   * a few looks into maps.
   */
  refresh(): void {
    const { upstream, emit, useNames, trusting } = this.#parts;
    const lists = this.#stands;
    const seeds = lists.length > 0 ? [] : trusting.seeds(upstream.name);
    const instances = unionOf([...lists.map((list) => list.instances), seeds]);
    const { byAddress } = this.#found;
    this.#found = endpointsOf(instances, { ...this.#around, idAt: (at) => byAddress.get(at)?.id });
    this.#isPlain = lists.length === 1 && isPlain(this.#found, lists[0]!.instances);
    useNames(this.#found.names);
    const told = new Set<string>();
    for (const { id, address: at, why } of this.#found.refused) {
      const key = `${id} ${at} ${why}`;
      if (!this.#told.has(key)) emit({ kind: 'endpoint_refused', upstream: upstream.name, endpoint: at, why });
      told.add(key);
    }
    this.#told = told;
    for (const [endpoint, instance] of this.#found.origins)
      if (this.#origins.get(endpoint) !== instance) this.#origins.set(endpoint, instance);
    this.#guard.heard(this.#listed(lists), this.#excused);
  }

  /** Whoever is in a list still, but is not called (drained, refused, without an address), has not vanished. */
  get #excused(): ReadonlySet<string> {
    const { down, refused } = this.#found;
    return new Set([...down.flatMap((one) => [one.id, addressOf(one)]), ...refused.map(({ id }) => id)]);
  }

  get #around(): Surroundings {
    const { isOwnListener, tcp, addressOf } = this.#parts;
    return { addressOf, isOwnListener, tcp, looked: this.#looked };
  }

  /** A name has no address, or not in time: the first list may have waited for it. */
  settle(): void {
    if (this.#fed || !this.#isNobody) return;
    this.#fed = true;
    this.upstream.update([]);
  }

  overrule(what: 'trust' | 'drop'): number {
    return this.#guard.overrule(what);
  }

  /** What each source has told; undefined unless all of it holds, a mass drop included. */
  get confirmedLists(): readonly { readonly source: Source; readonly list: InstanceList }[] | undefined {
    if (this.#guard.holding || !this.list.confirmed || this.#lists.some((list) => list?.partial)) return undefined;
    return this.#lists.flatMap((list, index) => (list ? [{ source: this.#parts.sources[index]!, list }] : []));
  }

  get list(): ListView {
    const lists = this.#stands;
    const told = this.#lists.some((list) => list !== undefined);
    const seeded = this.#found.endpoints.length > 0;
    return {
      from: told ? 'registry' : lists.length > 0 ? 'snapshot' : seeded ? 'seed' : 'none',
      confirmed: this.#isConfirmed,
      asOf: lists.length > 0 ? Math.min(...lists.map(({ asOf }) => asOf)) : undefined,
      doubtful: this.#guard.doubtful,
    };
  }

  view(): PeerView {
    const { down, refused, unresolved } = this.#found;
    const sources = this.#parts.sources.map((source, index): SourceView => {
      const list = this.#lists[index];
      const counts = { instances: list?.instances.length ?? 0, skipped: list?.skipped ?? [] };
      return { ...source, confirmed: list?.confirmed, asOf: list?.asOf, ...counts, trouble: this.#troubles[index] };
    });
    return { sources, down, refused, unresolved, dropped: this.#guard.dropped };
  }

  /** What is to be said of it beside its endpoints. */
  get notes(): readonly string[] {
    return notesOf(this.upstream.name, this.view(), this.#found.endpoints.length > 0);
  }

  /** Each source has told a list that holds. */
  get #isConfirmed(): boolean {
    return this.#lists.every((list) => list?.confirmed === true);
  }

  /** Each source has told a list. */
  get #isTold(): boolean {
    return this.#lists.every((list) => list !== undefined);
  }

  /** With a source still silent, or a name that is being asked for, nobody found does not mean that nobody is there. */
  get #isNobody(): boolean {
    return this.#isTold && (this.#waited || !this.#found.unresolved.some(this.#parts.isAwaited));
  }

  /** Of each source what it told, else what is remembered of it; both, as long as it tells of more and more. */
  get #stands(): readonly InstanceList[] {
    return this.#lists.flatMap((list, index) => {
      const remembered = this.#remembered[index];
      if (list?.partial !== true || remembered === undefined) return list ?? remembered ?? [];
      const told = new Set(list.instances.map(addressOf));
      return [list, { ...remembered, instances: remembered.instances.filter((one) => !told.has(addressOf(one))) }];
    });
  }

  #listed(lists: readonly InstanceList[]): readonly Listed[] {
    return listedOf(this.#found, lists, (list) => this.#lists.includes(list));
  }

  #suspect(endpoint: Endpoint, isSeed: boolean): Suspect {
    const { host, port } = endpoint;
    const instance = this.#origins.get(endpoint);
    const hosts = new Set([plainHost(host), plainHost(instance?.host ?? host)]);
    return {
      ...{ host, port, healthPort: instance && healthPortOf(instance.meta) },
      meant: { services: this.#services, id: isSeed ? undefined : (instance?.id ?? endpoint.id), hosts, port },
      foreign: this.#parts.trusting.foreign(this.upstream.name),
    };
  }
}
