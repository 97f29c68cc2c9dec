/**
 * How far each endpoint of a service can be believed: decides who is called at all, and who has to prove first that he still is who he was.
 *
 *   confirmed    in the list of a connected session: nothing to prove
 *   returned     confirmed again after an outage; his node may be the last trace of a dead session: proves it once, within 60 s
 *   unconfirmed  in the last list of a session that is not connected, in a snapshot, or a seed: proves it before each new connection
 *   kept         vanished with most of the others (mass-drop.ts): the same, and one failed connect ends it
 *
 * Whoever proved to be somebody else, or could not be reached while nobody confirms him, is shunned for a while, then may prove himself
 * again; of those that could merely not be reached the last one stays, since his circuit knows how to wait. An operator overrules it all.
 * Pure; told the time.
 */
import { addressOf, type Endpoint } from '../../lb/endpoint.js';
import { MassDrop, type Braked } from './mass-drop.js';

export const DOUBTS = {
  unconfirmed: 'the registry cannot be asked',
  snapshot: 'known from the snapshot on disk',
  seed: 'named by the seed list',
  returned: 'confirmed again after an outage, and not proven since',
  mass_drop: 'kept after a mass drop',
} as const;
export type Why = keyof typeof DOUBTS;

export interface Listed {
  readonly endpoint: Endpoint;
  /** Why the list that names it does not hold now; undefined: it does. */
  readonly why: Exclude<Why, 'returned' | 'mass_drop'> | undefined;
}

export interface Standing {
  readonly endpoint: Endpoint;
  readonly why: Why | undefined;
}

const RETURNED_MS = 60_000;
/** A connection that was lost for less than this has let nobody's session end unseen. */
const OUTAGE_MS = 1_000;
const SHUNNED_MS = 30_000;

export class Trust {
  readonly #drop = new MassDrop();
  #listed = new Map<string, Listed>();
  /** When somebody in the list became unconfirmed. */
  #outageSince: number | undefined;
  /** Not confirmed since the last outage, and until when that matters. */
  readonly #returned = new Map<string, number>();
  readonly #shunned = new Map<string, { readonly until: number; readonly proved: boolean }>();
  readonly #trusted = new Set<string>();
  /** Whom an operator took out, for as long as the registry names nobody who may be called. */
  readonly #dropped = new Set<string>();

  /** Takes the whole list of now. `excused`: ids and addresses that left with a mark. Answers when the brake takes hold. */
  heard(listed: readonly Listed[], excused: ReadonlySet<string>, now: number): Braked | undefined {
    const before = this.#listed;
    const outage = this.#outage(
      listed.some(({ why }) => why !== undefined),
      now,
    );
    this.#listed = new Map(listed.map((each) => [addressOf(each.endpoint), each]));
    for (const [at, { why }] of this.#listed) {
      const was = before.get(at)?.why;
      if (why === undefined && was !== undefined) this.#confirmed(at, outage, now);
    }
    const explained = this.#explained(excused, now);
    for (const each of [this.#returned, this.#shunned]) for (const at of each.keys()) if (!this.#listed.has(at)) each.delete(at);
    // a seed was never in the registry, so it does not vanish from there
    const real = listed.flatMap(({ endpoint, why }) => (why === 'seed' ? [] : [endpoint]));
    const braked = this.#drop.heard(real, explained, now);
    this.#forgetOverruled();
    return braked;
  }

  /** Takes what of the list has changed, while all of it is confirmed; who is in both has only become another. `ahead`: see MassDrop. */
  changed(
    gone: readonly Endpoint[],
    joined: readonly Endpoint[],
    excused: ReadonlySet<string>,
    now: number,
    ahead: number,
  ): Braked | undefined {
    const explained = this.#explained(excused, now);
    for (const endpoint of gone) this.#listed.delete(addressOf(endpoint));
    for (const endpoint of joined) this.#listed.set(addressOf(endpoint), { endpoint, why: undefined });
    for (const each of [this.#returned, this.#shunned])
      if (each.size > 0)
        for (const endpoint of gone) if (!this.#listed.has(addressOf(endpoint))) each.delete(addressOf(endpoint));
    const braked = this.#drop.changed(gone, joined, explained, now, ahead);
    this.#forgetOverruled();
    return braked;
  }

  /** The list is the same as before, and all of it is to be believed as `why` says from now on. */
  retold(why: Listed['why'], now: number): void {
    const outage = this.#outage(why !== undefined, now);
    for (const [at, { endpoint, why: was }] of this.#listed) {
      if (was === why) continue;
      this.#listed.set(at, { endpoint, why });
      if (why === undefined) this.#confirmed(at, outage, now);
    }
    this.#forgetOverruled();
  }

  /** `lasts`: somebody is unconfirmed. True: there was an outage until now, or is one. */
  #outage(lasts: boolean, now: number): boolean {
    const outage = now - (this.#outageSince ?? now) >= OUTAGE_MS;
    this.#outageSince = lasts ? (this.#outageSince ?? now) : undefined;
    if (outage) this.#drop.beWary(now + RETURNED_MS);
    return outage;
  }

  #confirmed(at: string, outage: boolean, now: number): void {
    if (outage) this.#returned.set(at, now + RETURNED_MS);
    if (this.#shunned.get(at)?.proved === false) this.#shunned.delete(at);
  }

  /** Nobody is doubted, kept or shunned. Only while the whole list is confirmed. */
  get isWhole(): boolean {
    return this.#returned.size + this.#shunned.size + this.#trusted.size + this.#drop.size === 0;
  }

  /** How many are missing because an operator said so. */
  get dropped(): number {
    return this.#dropped.size;
  }

  /** Who may be called, and why each of them has to prove himself. */
  standings(now: number): readonly Standing[] {
    const standings: Standing[] = [];
    for (const [at, { endpoint, why }] of this.#listed) {
      if (this.#isShunned(at, now)) continue;
      const returned = this.#returned.size > 0 && (this.#returned.get(at) ?? -Infinity) > now ? 'returned' : undefined;
      standings.push({ endpoint, why: this.#trusted.has(at) ? undefined : (why ?? returned) });
    }
    for (const endpoint of this.#drop.kept) {
      const at = addressOf(endpoint);
      if (!this.#isShunned(at, now)) standings.push({ endpoint, why: this.#trusted.has(at) ? undefined : 'mass_drop' });
    }
    return standings;
  }

  /** How many may be called. */
  #called(now: number): number {
    let shunned = 0;
    for (const { until } of this.#shunned.values()) if (until > now) shunned++;
    return this.#listed.size + this.#drop.size - shunned;
  }

  /** He has vanished with most of the others, and has to prove himself. */
  isKept(endpoint: Endpoint): boolean {
    const at = addressOf(endpoint);
    return this.#drop.keeps(at) && !this.#trusted.has(at);
  }

  /** Addresses that are kept by the brake. */
  get kept(): readonly Endpoint[] {
    return this.#drop.kept;
  }

  /** Those of them who have been since this was asked last. */
  newlyKept(): readonly Endpoint[] {
    return this.#drop.newcomers();
  }

  /** Some are. */
  get holds(): boolean {
    return this.#drop.size > 0;
  }

  /** When time alone changes something; undefined: never. */
  get dueAt(): number | undefined {
    let first = this.#drop.dueAt ?? Infinity;
    for (const until of this.#returned.values()) if (until < first) first = until;
    for (const { until } of this.#shunned.values()) if (until < first) first = until;
    return first === Infinity ? undefined : first;
  }

  /** Time has passed. */
  expire(now: number): void {
    this.#drop.expire(now);
    for (const [at, until] of this.#returned) if (now >= until) this.#returned.delete(at);
    for (const [at, { until }] of this.#shunned) if (now >= until) this.#shunned.delete(at);
  }

  /** He has proved who he is. True: he needs to do so no more. */
  proven(at: string): boolean {
    return this.#returned.delete(at);
  }

  /**
   * He could not be reached, or (`proved`) somebody else answered in his place, or he himself says that he is withdrawn. True: he is called
   * no more.
   */
  failed(at: string, proved: boolean, now: number): boolean {
    if (this.#trusted.has(at)) return false;
    if (this.#drop.letGo(at)) return true;
    const listed = this.#listed.get(at);
    if (listed === undefined || this.#isShunned(at, now)) return false;
    // whom the registry confirms is out of reach for his circuit only; and the last one is better than none
    if (!proved && (listed.why === undefined || this.#called(now) <= 1)) return false;
    this.#shunned.set(at, { until: now + SHUNNED_MS, proved });
    if (proved && this.#returned.has(at)) this.#returned.set(at, Infinity); // time alone does not make him another
    return true;
  }

  /** A sync and a read have shown that these are gone. */
  confirmGone(addresses: Iterable<string>): void {
    for (const at of addresses) if (!this.#trusted.has(at)) this.#drop.letGo(at);
  }

  /**
   * An operator knows better: nobody of them has to prove anything, or all of them are gone, those whom he trusted before included. Answers
   * with how many that changes.
   */
  overrule(what: 'trust' | 'drop', now: number): number {
    const isTrusted = ({ endpoint }: Standing): boolean => this.#trusted.has(addressOf(endpoint));
    const doubted = this.standings(now).filter((one) => one.why !== undefined || (what === 'drop' && isTrusted(one)));
    for (const { endpoint } of doubted) {
      const at = addressOf(endpoint);
      if (what === 'trust') {
        this.#trusted.add(at);
        this.#returned.delete(at);
        this.#drop.hold(at);
      } else {
        this.#trusted.delete(at);
        this.#dropped.add(at);
        if (!this.#drop.letGo(at)) this.#shunned.set(at, { until: Infinity, proved: false });
      }
    }
    return doubted.length;
  }

  /** An operator's word holds as long as there is something to doubt. */
  #forgetOverruled(): void {
    if (this.#dropped.size > 0 && [...this.#listed.keys()].some((at) => !this.#shunned.has(at))) this.#dropped.clear();
    if (this.#trusted.size === 0) return;
    const kept = new Set(this.#drop.kept.map(addressOf));
    for (const at of this.#trusted) if (!kept.has(at) && this.#listed.get(at)?.why === undefined) this.#trusted.delete(at);
  }

  /** And those in whose place another has answered, or whom an operator has dropped: nobody wants to keep them. */
  #explained(excused: ReadonlySet<string>, now: number): ReadonlySet<string> {
    const unwanted = [...this.#shunned].filter(([, { until, proved }]) => until > now && (proved || until === Infinity));
    return unwanted.length === 0 ? excused : new Set([...excused, ...unwanted.map(([at]) => at)]);
  }

  #isShunned(at: string, now: number): boolean {
    return this.#shunned.size > 0 && (this.#shunned.get(at)?.until ?? -Infinity) > now;
  }
}
