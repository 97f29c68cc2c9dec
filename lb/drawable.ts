/**
 * The seats that may get a call, to be drawn by their weights. Mostly one is found by an even draw among all, which is taken as often as its
 * weight is of the heaviest's: a look or two, at weights that stand side by side, however many there are. Where that finds nobody soon (few
 * may be asked, or one outweighs all others), the draw is by a tree of sums, with the weights as its leaves, in O(log n); so are a seat's
 * going and its coming back, and nobody is gathered anew when one of 5,000 moves. Inner sums are always added up from the two below them,
 * never corrected by a difference, so no error of rounding is kept.
 *
 *            8            a draw of 6.2 of 8: not in the left 5, so 1.2 of the right 3, so d
 *         5     3
 *        4 1   1 2
 *        a b   c d
 */
import type { Seat } from './balancer.js';
import type { Random } from './ports.js';

/** Even draws, before the tree is asked. */
const mostLooks = 4;

export class Drawable {
  #seats: readonly Seat[] = [];
  #places = new Map<string, number>();
  /** The root is at 1, the leaves begin at `#leaves`; the children of i are at 2i and 2i + 1. */
  #sums = new Float64Array(2);
  #leaves = 1;
  #aside: number[] = [];
  #count = 0;
  /** Nobody weighs more; it may be that nobody weighs as much any more. */
  #heaviest = 0;

  /** All of them, those included that may not get a call now. */
  update(seats: readonly Seat[]): void {
    this.#seats = seats;
    this.#places = new Map(seats.map(({ endpoint }, place) => [endpoint.id, place]));
    this.#leaves = 1;
    while (this.#leaves < seats.length) this.#leaves *= 2;
    this.#sums = new Float64Array(2 * this.#leaves);
    this.#count = this.#heaviest = 0;
    seats.forEach((seat, place) => {
      const weight = weightOf(seat);
      this.#sums[this.#leaves + place] = weight;
      if (weight > 0) this.#count++;
      this.#heaviest = Math.max(this.#heaviest, weight);
    });
    for (let at = this.#leaves - 1; at > 0; at--) this.#add(at);
  }

  changed(seat: Seat): void {
    const place = this.placeOf(seat);
    if (place >= 0) this.#set(place, weightOf(seat));
  }

  get seats(): readonly Seat[] {
    return this.#seats;
  }

  /** The weight of all that may get a call. */
  get total(): number {
    return this.#sums[1]!;
  }

  /** How many have weight and may get a call. */
  get count(): number {
    return this.#count;
  }

  /** Of those that may get a call; 1 where there are none. */
  get meanWeight(): number {
    return this.#count === 0 ? 1 : this.total / this.#count;
  }

  /** Where it stands in `seats`; -1 for one that is not there any more. */
  placeOf(seat: Seat): number {
    const { order } = seat;
    if (order !== undefined && this.#seats[order] === seat) return order;
    const place = this.#places.get(seat.endpoint.id);
    return place !== undefined && this.#seats[place] === seat ? place : -1;
  }

  /** 0 for one that may get no call now. */
  weightAt(place: number): number {
    return this.#sums[this.#leaves + place]!;
  }

  /** Lets these sit out until `back`. */
  setAside(ids: readonly string[]): void {
    for (const id of ids) {
      const place = this.#places.get(id);
      if (place === undefined || this.weightAt(place) === 0) continue;
      this.#set(place, 0);
      this.#aside.push(place);
    }
  }

  back(): void {
    for (const place of this.#aside) this.#set(place, weightOf(this.#seats[place]!));
    this.#aside.length = 0;
  }

  /** One by chance, never `but`; -1 when there is nobody, or nobody else. */
  any(random: Random, but = -1): number {
    const { length } = this.#seats;
    for (let look = 0; look < mostLooks; look++) {
      // what the place leaves of the number is as good as another one
      const point = random() * length;
      const place = Math.floor(point);
      if ((point - place) * this.#heaviest < this.weightAt(place) && place !== but) return place;
    }
    return but < 0 ? this.draw(random()) : this.#drawBeside(but, random());
  }

  /** The place on which `drawn` (0 to 1) falls; -1 when there is nobody. */
  draw(drawn: number): number {
    return this.total > 0 ? this.#at(drawn * this.total) : -1;
  }

  #drawBeside(other: number, drawn: number): number {
    const weight = this.weightAt(other);
    this.#set(other, 0);
    const place = this.draw(drawn);
    this.#set(other, weight);
    return place;
  }

  /** Rounding can carry a point over a border, but never to somebody without weight. */
  #at(point: number): number {
    let at = 1;
    while (at < this.#leaves) {
      const left = this.#sums[2 * at]!;
      const goesRight = left === 0 || (point >= left && this.#sums[2 * at + 1]! > 0);
      if (goesRight) point -= left;
      at = goesRight ? 2 * at + 1 : 2 * at;
    }
    return at - this.#leaves;
  }

  #set(place: number, weight: number): void {
    let at = this.#leaves + place;
    this.#count += Number(weight > 0) - Number(this.#sums[at]! > 0);
    this.#sums[at] = weight;
    if (weight > this.#heaviest) this.#heaviest = weight;
    for (at >>= 1; at > 0; at >>= 1) this.#add(at);
  }

  #add(at: number): void {
    this.#sums[at] = this.#sums[2 * at]! + this.#sums[2 * at + 1]!;
  }
}

export const weightOf = ({ eligible, weight }: Seat): number => (eligible ? weight : 0);
