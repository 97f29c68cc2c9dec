/**
 * Thousands who leave a list at one time leave it in slices, one in each turn of the event loop: what is made of each of them takes its time, and calls
 * go on meanwhile. Whoever has been replaced, at his address or by his id, goes with the first, as do all who join. The data path is told after the last, in a turn of its own.
 */
import { addressOf } from '../lb/endpoint.js';
import type { Instance } from './registry/dialects/dialect.js';

/** In one turn: of a list here, and of the data path in trust/guard.ts. */
export const MOST_LEAVE = 500;

export interface Slice {
  readonly gone: readonly Instance[];
  /** Who leaves in the turns after this one. */
  readonly ahead: readonly Instance[];
}

export function sliceOf(gone: readonly Instance[], joined: readonly Instance[]): Slice {
  if (gone.length <= MOST_LEAVE) return { gone, ahead: [] };
  const places = new Set(joined.flatMap((one) => [one.id, addressOf(one)]));
  const isReplaced = (one: Instance): boolean => places.size > 0 && (places.has(one.id) || places.has(addressOf(one)));
  const [first, others]: [Instance[], Instance[]] = [[], []];
  for (const one of gone) (isReplaced(one) ? first : others).push(one);
  const room = Math.max(0, MOST_LEAVE - first.length);
  return { gone: [...first, ...others.slice(0, room)], ahead: others.slice(room) };
}
