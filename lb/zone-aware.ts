/**
 * Own zone first, while it has room: a call across zones costs time and money. The rule and its limits are Envoy's (zone aware routing):
 *
 *     callers of our zone, a part of all callers          l
 *     endpoints of our zone, by weight, a part of all     u
 *
 *     l ≤ u   all calls stay in the zone
 *     l > u   u / l of them stay; the rest spills over to the zones that have more endpoints than callers, in proportion to how much
 *             more (u - l there)
 *
 * So every endpoint of the service gets its share of all callers' calls, however zones differ, and none is overloaded for being near.
 * Below 6 endpoints that may be asked, or with nobody in our zone, zones do not matter. Where the callers are is asked of `callers`;
 * where nobody knows, as many are taken to be in each zone that has endpoints.
 */
import { sharesOf, type Ask, type Balancer, type Seat } from './balancer.js';
import type { Outcome } from './outcome.js';
import { Parts, type Part } from './parts.js';
import type { Random } from './ports.js';
import { choiceByKey, choiceOf, SmoothChoice } from './smooth.js';

export interface ZoneRules {
  /** Where we are. */
  readonly own: string;
  readonly random: Random;
  /** How many callers there are in each zone; undefined: not known. The same map until that changes. */
  readonly callers?: (() => ReadonlyMap<string, number> | undefined) | undefined;
}

/** Envoy's. */
const fewestEndpoints = 6;
const mostTriedHere = 2;
/** Zones that are told apart; those beyond count as one. */
const mostZones = 16;

export class ZoneAware implements Balancer {
  readonly #rules: ZoneRules;
  readonly #parts: Parts;
  /** Where zones do not matter. */
  readonly #whole: Balancer;
  readonly #choice: SmoothChoice;
  /** Which part a zone is: ours is the first, the last is of those beyond. */
  readonly #places = new Map<string, number>();
  /** What each part gets, 0 to 1; undefined: zones do not matter. */
  #plan: readonly number[] | undefined;
  #isStale = true;
  #callers: ReadonlyMap<string, number> | undefined;

  constructor(rules: ZoneRules, make: () => Balancer) {
    this.#rules = rules;
    this.#whole = make();
    this.#choice = new SmoothChoice(mostZones + 1, rules.random);
    this.#places.set(rules.own, 0);
    this.#parts = new Parts(mostZones + 1, make, (seat) => this.#places.get(zoneOf(seat)) ?? mostZones);
  }

  get evenly(): boolean {
    return this.#whole.evenly ?? false;
  }

  update(seats: readonly Seat[]): void {
    this.#name(new Set(seats.map(zoneOf)));
    this.#parts.update(seats);
    this.#whole.update(seats);
    this.#isStale = true;
  }

  changed(seat: Seat): void {
    this.#parts.changed(seat);
    this.#whole.changed(seat);
    this.#isStale = true;
  }

  pick(ask: Ask, now: number): Seat | undefined {
    const plan = this.#planNow();
    if (plan === undefined) return this.#whole.pick(ask, now);
    if (ask.tried.length >= mostTriedHere) return this.#pickAway(ask, now);
    return this.#parts.pick(this.#choice.next(plan, ask.key), ask, now);
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.#parts.seen(seat, outcome, now);
    this.#whole.seen?.(seat, outcome, now);
  }

  /** As zones are now: where a call of the key would go if only the seat were well, but for what that would change in them. */
  home(ask: Ask, seat: Seat): boolean {
    const plan = this.#planNow();
    if (plan === undefined) return this.#whole.home?.(ask, seat) ?? false;
    return ask.key !== undefined && this.#parts.home(choiceByKey(plan, ask.key), ask, seat);
  }

  shares(): ReadonlyMap<Seat, number> {
    const plan = this.#planNow();
    if (plan === undefined)
      return sharesOf(
        this.#whole,
        this.#parts.all.flatMap(({ seats }) => seats),
      );
    return this.#parts.shares(plan);
  }

  note(seat: Seat): string | undefined {
    const plan = this.#planNow();
    const part = this.#parts.of(seat);
    if (plan === undefined || part === undefined) {
      const all = this.#parts.all.reduce((sum, { count }) => sum + count, 0);
      const few =
        all > 0 && all < fewestEndpoints ? [`zones do not matter while fewer than ${fewestEndpoints} may be asked`] : [];
      const whole = this.#whole.note?.(seat);
      return [...few, ...(whole === undefined ? [] : [whole])].join('; ') || undefined;
    }
    const own = part.balancer.note?.(seat);
    return own === undefined ? this.#noteOf(seat, part, plan) : `${this.#noteOf(seat, part, plan)}; ${own}`;
  }

  #noteOf(seat: Seat, part: Part, plan: readonly number[]): string {
    const gets = Math.round(plan[this.#parts.all.indexOf(part)]! * 1000) / 10;
    const zone = zoneOf(seat) === '' ? 'of no zone' : `zone ${zoneOf(seat)}`;
    if (part === this.#parts.all[0]) return `${zone}, which is ours: gets ${gets} % of our calls`;
    if (gets > 0) return `${zone}: gets ${gets} % of them, as ours has no room for more`;
    return `${zone}: gets none, as ${plan[0]! < 1 ? 'it has no more endpoints than callers' : 'ours has room'}`;
  }

  /** When two of ours have failed a call, the zone may have: the third of its three tries must not be spent on it as well. */
  #pickAway(ask: Ask, now: number): Seat | undefined {
    const away = this.#parts.all.map(({ weight }, place) => (place === 0 ? 0 : weight));
    return this.#parts.pick(choiceOf(away, this.#rules.random()), ask, now);
  }

  /** Gives each new zone a part, and takes back those of zones that have gone. */
  #name(zones: ReadonlySet<string>): void {
    for (const zone of this.#places.keys()) if (!zones.has(zone) && zone !== this.#rules.own) this.#places.delete(zone);
    const taken = new Set(this.#places.values());
    for (const zone of zones) {
      if (this.#places.has(zone)) continue;
      const free = this.#parts.all.findIndex((_, place) => place < mostZones && !taken.has(place));
      if (free < 0) return;
      taken.add(free);
      this.#places.set(zone, free);
    }
  }

  #planNow(): readonly number[] | undefined {
    if (!this.#isStale && (this.#plan === undefined || this.#rules.callers?.() === this.#callers)) return this.#plan;
    this.#isStale = false;
    return (this.#plan = this.#makePlan());
  }

  /** Nobody is asked where the callers are as long as zones do not matter. */
  #makePlan(): readonly number[] | undefined {
    const { all } = this.#parts;
    const endpoints = all.reduce((sum, { count }) => sum + count, 0);
    if (endpoints < fewestEndpoints || all[0]!.count === 0 || all[0]!.count === endpoints) return undefined;
    const callers = this.#rules.callers?.();
    this.#callers = callers;
    const there = this.#endpointsIn();
    const here = this.#callersIn(callers, there);
    const own = Math.min(1, there[0]! / here[0]!);
    const room = there.map((part, place) => (place === 0 ? 0 : Math.max(0, part - here[place]!)));
    const total = room.reduce((sum, one) => sum + one, 0);
    return room.map((one, place) => (place === 0 ? own : total > 0 ? ((1 - own) * one) / total : 0));
  }

  /** The part of all that endpoints can carry that is in each zone. */
  #endpointsIn(): number[] {
    const sizes = this.#parts.all.map(({ weight, count }) => (this.evenly ? count : weight));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    return sizes.map((size) => size / total);
  }

  /** The part of all callers that is in each zone. We are one of them, whoever has heard of us. */
  #callersIn(callers: ReadonlyMap<string, number> | undefined, endpoints: readonly number[]): number[] {
    const counts = endpoints.map((part): number => (callers === undefined && part > 0 ? 1 : 0));
    for (const [zone, count] of callers ?? []) counts[this.#places.get(zone) ?? mostZones]! += count;
    counts[0] = Math.max(1, counts[0]!);
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => count / total);
  }
}

/** Of endpoints that say none, the empty one. */
const zoneOf = ({ endpoint }: Seat): string => endpoint.zone ?? '';
