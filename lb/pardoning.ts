/**
 * The balancer of a subset, and its panic: of a canary of two that are both ejected every call would be refused while the rest of the service
 * is well. So who is well is counted among those of the subset, and in their panic they get the subset's calls, and no others. Each seat has a
 * place here that says whether it may be asked for these calls.
 */
import { sharesOf, type Ask, type Balancer, type Crowd, type Seat } from './balancer.js';
import type { Outcome } from './outcome.js';
import { Panic, type PanicOptions } from './panic.js';

/** A seat as the calls of its subset see it. */
class Place implements Seat {
  readonly seat: Seat;
  /** As it was when it was counted. */
  stand = 'well' as NonNullable<Seat['stand']>;
  /** It has weight, and is not counted. */
  isKept = false;
  readonly #panic: Panic;

  constructor(seat: Seat, panic: Panic) {
    this.seat = seat;
    this.#panic = panic;
  }

  get endpoint(): Seat['endpoint'] {
    return this.seat.endpoint;
  }

  get active(): number {
    return this.seat.active;
  }

  get weight(): number {
    return this.seat.weight;
  }

  get eligible(): boolean {
    return this.seat.eligible || (this.#panic.on && this.seat.pardonable === true);
  }
}

export class Pardoning implements Balancer {
  readonly #balancer: Balancer;
  readonly #panic: Panic;
  readonly #panicked: (panic: Panic, why?: string) => void;
  #places: ReadonlyMap<Seat, Place> = new Map();
  #hasWeight = false;
  #kept = 0;

  /** `panicked`: it has begun or ended. */
  constructor(balancer: Balancer, options: PanicOptions, panicked: (panic: Panic, why?: string) => void) {
    this.#balancer = balancer;
    this.#panic = new Panic(options);
    this.#panicked = panicked;
  }

  get evenly(): boolean {
    return this.#balancer.evenly ?? false;
  }

  /** Nobody is in it. */
  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  update(seats: readonly Seat[]): void {
    const before = this.#places;
    this.#places = new Map(seats.map((seat) => [seat, before.get(seat) ?? new Place(seat, this.#panic)]));
    this.#hasWeight = seats.some(({ weight }) => weight > 0);
    this.#panic.clear();
    this.#kept = 0;
    for (const place of this.#places.values()) this.#count(place);
    if (this.#panic.look()) this.#panicked(this.#panic);
    this.#balancer.update([...this.#places.values()]);
  }

  changed(seat: Seat): void {
    const place = this.#places.get(seat);
    if (place === undefined) return;
    this.#panic.add(place.stand, -1);
    this.#kept -= Number(place.isKept);
    this.#count(place);
    if (!this.#panic.look()) return this.#balancer.changed(place);
    this.#panicked(this.#panic);
    for (const each of this.#places.values()) this.#balancer.changed(each);
  }

  pick(ask: Ask, now: number): Seat | undefined {
    return (this.#balancer.pick(ask, now) as Place | undefined)?.seat;
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    if (this.#balancer.seen === undefined) return;
    const place = this.#places.get(seat);
    if (place !== undefined) this.#balancer.seen(place, outcome, now);
  }

  shares(): ReadonlyMap<Seat, number> {
    const places = [...this.#places.values()];
    const shares = sharesOf(this.#balancer, places);
    return new Map(places.map((place) => [place.seat, shares.get(place) ?? 0]));
  }

  note(seat: Seat): string | undefined {
    const place = this.#places.get(seat);
    return place && this.#balancer.note?.(place);
  }

  home(ask: Ask, seat: Seat): boolean {
    const place = this.#places.get(seat);
    return place !== undefined && (this.#balancer.home?.(ask, place) ?? false);
  }

  /** Nobody counts any more whether there is panic. */
  giveUp(why: string): void {
    if (!this.#panic.on) return;
    this.#panic.on = false;
    this.#panicked(this.#panic, why);
  }

  /** Its crowd, but for the name. */
  get standing(): Omit<Crowd, 'subset'> {
    const { total, well, blamed, on: panic } = this.#panic;
    return { hasWeight: this.#hasWeight, total, out: total - well, open: total - well - blamed, kept: this.#kept, panic };
  }

  #count(place: Place): void {
    place.stand = place.seat.stand ?? 'well';
    place.isKept = place.stand === 'none' && place.weight > 0;
    this.#panic.add(place.stand, 1);
    this.#kept += Number(place.isKept);
  }
}
