/**
 * Follows the nodes below one parent and tells whole lists of instances. Reads little: the names when their watch fires, a node when it is
 * new or its own watch fires. A lost connection changes nothing but `confirmed`; only a new session arms watches again, slowly, and even
 * then no node is read whose last change is known. A slow look finds what a lost or refused watch missed.
 *
 *   list watch ──▶ names ──▶ new ones ──▶ their turn ──▶ size, watch, bytes ──▶ list
 *                    └─────▶ those who left ─────────────────────────────────▶ list, at once
 *   node's watch ──────────▶ next in turn ──▶ …
 *
 * Where the tree tells who came or went, nobody asks for the names: `list watch` is then a name that is new or one that has left.
 *
 * How fast is pace.ts, what is known is children.ts, the nodes are node-reader.ts; no long work is done within a watch's call.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { Alarm } from './alarm.js';
import { Children, MOST_CHILDREN, lastWord } from './children.js';
import { NodeReader, type NodeReaderParts } from './node-reader.js';
import { gatherMs, rearmMs, spreadMs, tellMs } from './pace.js';
import type { InstanceList, OnTrouble } from './registry.js';
import type { Tellings } from './tellings.js';
import { isSessionTrouble } from './tree.js';
import type { Pieces } from './wire/turns.js';

export interface WatcherParts extends NodeReaderParts {
  readonly tellings: Tellings;
  readonly onList: (list: InstanceList) => void;
  readonly onTrouble?: OnTrouble | undefined;
}

/** The first list waits so long for the last of its nodes. */
const FIRST_LIST_MS = 500;
const [VERIFY_MS, VERIFY_MOST, VERIFY_SPREAD_MS] = [300_000, 500, 30_000];
const AFTER_EXPIRY_MS = 1_000;
const [MISSING_MS, RETRY_MS] = [5_000, 5_000];

export class Watcher {
  readonly #parts: WatcherParts;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #emit: Emit;
  readonly #children = new Children();
  readonly #nodes: NodeReader;
  readonly #looks: Alarm;
  readonly #tells: Alarm;
  readonly #verifies: Alarm;
  #stopListening = (): void => undefined;
  #stopped = false;
  /** The session that holds our watches, and the one that last told us the names. */
  #epoch = 0;
  #askedEpoch = 0;
  #asOf = 0;
  #listWatch: { tells: boolean } | undefined;
  /** What was told while a look was out, which the answer may be older than. */
  readonly #toldMeanwhile = new Map<string, boolean>();
  /** Told to have gone within this turn of the event loop, and when. */
  readonly #leaving = new Map<string, number>();
  #asking = false;
  #askAgain = false;
  #missing = false;
  /** Its watch says that the missing parent has come. */
  #came = false;
  #notBefore = 0;
  /** The last time that their watch fired, and the first that no look has answered yet. */
  #changedAt = -Infinity;
  #heardAt: number | undefined;
  #told: { readonly at: number; readonly confirmed: boolean } | undefined;
  #isTelling = false;
  /** All who were there at first have been told. */
  #isWhole = false;
  #overfull = false;
  #trouble = '';

  constructor(parts: WatcherParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#emit = parts.emit;
    this.#nodes = new NodeReader(parts, this.#children, {
      live: () => this.#live,
      tells: () => this.#listWatch?.tells === true,
      onRead: () => this.#tellSoon(),
      onFired: () => parts.tellings.soon(this.#settle),
    });
    this.#looks = new Alarm(parts.clock, () => void this.#look());
    this.#tells = new Alarm(parts.clock, () => parts.tellings.soon(this.#tell));
    this.#verifies = new Alarm(parts.clock, () => this.#verify());
  }

  start(): void {
    this.#stopListening = this.#parts.tree.onSession(() => this.#onSession());
    this.#verifyLater();
    this.#onSession();
  }

  /** Tells nothing more. Watches that are armed stay in the session until they fire: the port has no way to take one back. */
  stop(): void {
    this.#stopped = true;
    this.#stopListening();
    for (const alarm of [this.#looks, this.#tells, this.#verifies]) alarm.cancel();
    for (const telling of [this.#settle, this.#tell]) this.#parts.tellings.cancel(telling);
    this.#nodes.reset();
  }

  #onSession(): void {
    const { state, epoch } = this.#parts.tree.session;
    if (state === 'connected' && epoch !== this.#epoch) {
      const first = this.#epoch === 0;
      this.#epoch = epoch;
      this.#listWatch = undefined;
      this.#nodes.reset();
      this.#nodes.ask(this.#children.all, rearmMs(this.#children.size));
      this.#lookIn(first ? 0 : this.#random() * AFTER_EXPIRY_MS);
    } else if (state === 'connected' && this.#listWatch === undefined) {
      this.#lookIn(0); // the answer to the last look was lost with the connection
    }
    this.#nodes.go();
    if (this.#told && this.#told.confirmed !== this.#confirmed) this.#parts.tellings.soon(this.#tell);
  }

  get #live(): boolean {
    const { state, epoch } = this.#parts.tree.session;
    return !this.#stopped && state === 'connected' && epoch === this.#epoch;
  }

  get #confirmed(): boolean {
    return this.#live && this.#askedEpoch === this.#epoch;
  }

  // the names

  #onNames(): void {
    if (!this.#live) return; // the session is over, and the next one asks anyway
    const now = this.#clock.now();
    const gather = gatherMs(now - this.#changedAt, this.#children.size);
    this.#changedAt = now;
    this.#heardAt ??= now;
    this.#came = this.#missing;
    this.#lookIn(gather);
  }

  /** One of them is told by name, in a session that may be connecting again just now. */
  #onChild(name: string, isThere: boolean): void {
    if (this.#overfull) return this.#onNames();
    const now = this.#clock.now();
    const gather = gatherMs(now - this.#changedAt, this.#children.size);
    this.#changedAt = now;
    this.#asOf = this.#clock.wall();
    if (this.#asking) this.#toldMeanwhile.set(name, isThere);
    if (!isThere) {
      this.#leaving.set(name, now);
      return this.#parts.tellings.soon(this.#settle);
    }
    const isBack = this.#leaving.delete(name);
    const child = this.#children.came(name, now);
    if (!child) return this.#onNames(); // too many: the names tell how many
    this.#nodes.ask([child], isBack ? 0 : gather);
    this.#nodes.go();
    this.#tellSoon();
  }

  /** A turn after some were told to have gone, or to be another: who has come again within it was replaced in one breath, and is only read again. */
  readonly #settle = (): void => {
    for (const [name, at] of this.#leaving) this.#children.gone(name, at);
    this.#leaving.clear();
    this.#nodes.go();
    this.#tellSoon();
  };

  #lookIn(ms: number): void {
    if (!this.#stopped) this.#looks.at(Math.max(this.#clock.now() + ms, this.#notBefore));
  }

  async #look(): Promise<void> {
    const { tree, path, reads } = this.#parts;
    if (!this.#live) return;
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#asking = true;
    const { epoch } = tree.session;
    const heardAt = this.#heardAt;
    this.#heardAt = undefined;
    const watch: { tells: boolean } | undefined = this.#listWatch === undefined ? { tells: false } : undefined;
    this.#listWatch ??= watch;
    const fired = (): void => {
      if (this.#listWatch !== watch) return;
      this.#listWatch = undefined;
      this.#onNames();
    };
    const told = (name: string, isThere: boolean): boolean => {
      if (this.#stopped || this.#listWatch !== watch) return false;
      this.#onChild(name, isThere);
      return true;
    };
    this.#toldMeanwhile.clear();
    try {
      const found = await reads.run(() => tree.children(path, watch && fired, watch && told));
      if (watch) watch.tells = found?.tells === true;
      if (!this.#stopped) this.#heard(found && lastWord(found.names, this.#toldMeanwhile), epoch, heardAt);
    } catch (error) {
      this.#heardAt = heardAt ?? this.#heardAt;
      if (this.#listWatch === watch) this.#listWatch = undefined;
      if (isSessionTrouble(error)) this.#lookIn(this.#random() * AFTER_EXPIRY_MS);
      else this.#cannotLook(error);
    } finally {
      this.#asking = false;
      if (this.#askAgain) this.#lookIn(gatherMs(0, this.#children.size));
      this.#askAgain = false;
    }
  }

  #heard(names: readonly string[] | undefined, epoch: number, heardAt: number | undefined): void {
    const { path, turns } = this.#parts;
    turns.begin();
    this.#askedEpoch = epoch;
    this.#asOf = this.#clock.wall();
    if (this.#trouble !== '') this.#parts.onTrouble?.(undefined);
    this.#trouble = '';
    // missing again although it had come: somebody makes and removes it, or no watch could be armed
    this.#notBefore = names === undefined && this.#came ? this.#clock.now() + MISSING_MS : 0;
    this.#missing = names === undefined;
    this.#came = false;
    this.#leaving.clear(); // the names say it
    const { joined, beyond } = this.#children.update(names ?? [], heardAt);
    if (beyond > 0 && !this.#overfull) {
      const detail = `${path} has ${beyond} nodes more, which are not looked at`;
      this.#emit({ kind: 'bound_reached', bound: 'children', limit: MOST_CHILDREN, detail });
    }
    this.#overfull = beyond > 0;
    this.#nodes.ask(this.#children.join(heardAt), this.#told ? spreadMs(joined) : 0);
    this.#nodes.go();
    this.#tellSoon();
  }

  #cannotLook(error: unknown): void {
    const why = `cannot list ${this.#parts.path}: ${error instanceof Error ? error.message : String(error)}`;
    if (why !== this.#trouble) {
      this.#emit({ kind: 'warned', why });
      this.#parts.onTrouble?.(why);
    }
    this.#trouble = why;
    this.#lookIn(RETRY_MS * (0.5 + this.#random()));
  }

  #verify(): void {
    this.#verifyLater();
    if (!this.#live) return;
    this.#lookIn(0);
    this.#nodes.ask(this.#children.unchecked(VERIFY_MOST), VERIFY_SPREAD_MS);
    this.#nodes.go();
  }

  #verifyLater(): void {
    this.#verifies.in(VERIFY_MS * (0.75 + this.#random() / 2));
  }

  // the list

  #tellSoon(): void {
    if (this.#stopped || this.#askedEpoch === 0 || !this.#isNews) return;
    const { size, shrunk, holdsBack } = this.#children;
    const urgent = this.#nodes.idle || (this.#told !== undefined && (shrunk || holdsBack));
    const wait = urgent ? 0 : this.#told ? gatherMs(0, size) : FIRST_LIST_MS;
    this.#tells.at(Math.max(this.#clock.now() + wait, (this.#told?.at ?? -Infinity) + tellMs(size)));
  }

  get #isNews(): boolean {
    return this.#told?.confirmed !== this.#confirmed || this.#children.changed || (!this.#isWhole && !this.#children.awaits);
  }

  readonly #tell = (): void => {
    this.#tells.cancel();
    if (this.#stopped || this.#isTelling || !this.#isNews) return;
    // names alone are no list of none: their service would be taken for one that nobody announces
    const isUnread = this.#told === undefined && !this.#nodes.idle && !this.#children.changed;
    if (isUnread && this.#children.size > 0) return this.#tells.in(FIRST_LIST_MS);
    this.#isTelling = true;
    const work = this.#telling();
    if (work.next().done !== true) this.#parts.turns.run(work);
  };

  *#telling(): Pieces {
    const awaits = this.#children.awaits;
    const { instances, skipped, joined, left, heardAt } = yield* this.#children.tell();
    this.#isTelling = false;
    if (this.#stopped) return;
    const { path, onList } = this.#parts;
    const isFirst = this.#told === undefined;
    this.#told = { at: this.#clock.now(), confirmed: this.#confirmed };
    this.#isWhole ||= !awaits && !this.#children.holdsBack;
    onList({ instances, skipped, confirmed: this.#confirmed, asOf: this.#asOf, ...(!this.#isWhole && { partial: true }) });
    this.#tellSoon(); // what was kept back, or has happened meanwhile
    if (!isFirst && joined + left === 0) return;
    const took = isFirst || heardAt === undefined ? {} : { tookMs: this.#clock.now() - heardAt };
    this.#emit({ kind: 'list_changed', path, joined, left, total: instances.length, ...took });
  }
}
