/**
 * Which of a few parts is next, exactly in proportion to their weights over time, and spread evenly: nginx's smooth weighted round robin, a
 * walk, for what is never more than a handful. It begins at a random turn, so that a fleet that starts as one does not choose as one.
 * Weights may differ from choice to choice.
 */
import { mix, unit } from './hashing.js';
import type { Random } from './ports.js';

export class SmoothChoice {
  readonly #credits: number[];

  /** Of so many parts. */
  constructor(count: number, random: Random) {
    this.#credits = Array.from({ length: count }, random);
    const mean = this.#credits.reduce((sum, credit) => sum + credit, 0) / count;
    this.#credits = this.#credits.map((credit) => credit - mean);
  }

  /** `weights`: one for each part, that add up to 1 or so. The place of the chosen one; -1 when all weigh nothing. */
  next(weights: readonly number[], key: number | undefined): number {
    return key === undefined ? this.#inTurn(weights) : choiceByKey(weights, key);
  }

  #inTurn(weights: readonly number[]): number {
    let best = -1;
    let total = 0;
    for (let place = 0; place < weights.length; place++) {
      const weight = weights[place]!;
      if (weight <= 0) continue;
      total += weight;
      this.#credits[place]! += weight;
      if (best < 0 || this.#credits[place]! > this.#credits[best]!) best = place;
    }
    if (best >= 0) this.#credits[best]! -= total;
    return best;
  }
}

/**
 * The same part for the same key, and the fewest keys move when weights do. Not by the key's own bits: they choose the endpoint within the
 * part (hash-balancer.ts), and would leave each part a piece of its table.
 */
export const choiceByKey = (weights: readonly number[], key: number): number => choiceOf(weights, unit(mix(~key)));

/** The part on which `drawn` (0 to 1) falls. */
export function choiceOf(weights: readonly number[], drawn: number): number {
  let left = drawn * weights.reduce((sum, weight) => sum + weight, 0);
  for (let place = 0; place < weights.length; place++) {
    if (weights[place]! > 0 && left < weights[place]!) return place;
    left -= weights[place]!;
  }
  return weights.findLastIndex((weight) => weight > 0);
}
