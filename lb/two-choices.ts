/**
 * The power of two choices (Mitzenmacher): of two seats drawn by chance, the better one. Looking at two, not at all, costs the same
 * however many there are, and keeps a fleet of callers from running to the same idle endpoint. What is better is the policy's affair.
 *
 * Weights are honoured by the draw: a seat of twice the weight is drawn twice as often. So what compares two must not look at weights
 * while both are idle: it would count them twice, and starve the lighter ones.
 */
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
  const first = seats.draw(random());
  const second = first < 0 ? -1 : seats.drawBeside(first, random());
  if (tried.length > 0) seats.back();
  return second >= 0 && isBetter(second, first) ? second : first;
}

/** Calls that a seat carries, as one of mean weight would feel them. */
export const loadAt = (seats: Drawable, place: number): number => {
  const { active, weight } = seats.seats[place]!;
  return active === 0 ? 0 : (active * seats.meanWeight) / weight;
};
