/**
 * The power of two choices (Mitzenmacher): of two seats drawn by chance, the better one. Looking at two, not at all, costs the same
 * however many there are, and keeps a fleet of callers from running to the same idle endpoint. What is better is the policy's affair.
 *
 * Weights are honoured by the draw: a seat of twice the weight is drawn twice as often. So what compares two must not look at weights
 * while both are idle: it would count them twice, and starve the lighter ones.
 */
import type { Seat } from './balancer.js';
import { Drawable } from './drawable.js';
import type { Random } from './ports.js';

/** The place in `seats` of the better one; -1 when there is nobody but the tried. `isBetter`: the second one, than the first. */
export function ofTwo(
  seats: Drawable,
  tried: readonly string[],
  random: Random,
  isBetter: (second: number, first: number) => boolean,
): number {
  if (tried.length > 0) seats.setAside(tried);
  const first = seats.any(random);
  const second = first < 0 ? -1 : seats.any(random, first);
  if (tried.length > 0) seats.back();
  return second >= 0 && isBetter(second, first) ? second : first;
}

/**
 * What each gets of all calls as long as costs are as they are, 0 to 1: of each two the cheaper one, or the one that was drawn first. From the
 * dearest to the cheapest, so that those that lose against one are added up already. For a person who asks.
 */
export function sharesOfTwo(seats: Drawable, costAt: (place: number) => number): ReadonlyMap<Seat, number> {
  const { total } = seats;
  const drawn = seats.seats.map((seat, place) => ({ seat, weight: seats.weightAt(place), cost: costAt(place) }));
  const dearestFirst = drawn.filter(({ weight }) => weight > 0).sort((a, b) => b.cost - a.cost);
  const shares = new Map<Seat, number>();
  // of those that are dearer: their weight, and how often each of them is drawn first, for a weight of 1 among the others
  let [dearer, first] = [0, 0];
  for (let from = 0, to = 0; from < dearestFirst.length; from = to) {
    const { cost } = dearestFirst[from]!;
    while (to < dearestFirst.length && dearestFirst[to]!.cost === cost) to++;
    const alike = dearestFirst.slice(from, to);
    const notCheaper = alike.reduce((sum, { weight }) => sum + weight, dearer);
    for (const { seat, weight } of alike) {
      const others = total - weight;
      shares.set(seat, (weight / total) * ((others > 0 ? (notCheaper - weight) / others : 1) + first));
    }
    for (const { weight } of alike) if (total > weight) first += weight / (total - weight);
    dearer = notCheaper;
  }
  return shares;
}

/** Calls that a seat carries, as one of mean weight would feel them. */
export const loadAt = (seats: Drawable, place: number): number => {
  const { active } = seats.seats[place]!;
  return active === 0 ? 0 : (active * seats.meanWeight) / seats.weightAt(place);
};
