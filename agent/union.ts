/**
 * One instance for each address, from all the nodes and all the sources that tell of it. Within a source the newest registration holds: a
 * process that was started again, or has changed in a dialect that changes by a new node, is there twice for a while. Between sources the
 * first in order of preference holds, weight and all, with one exception: who says anywhere that he is not to be called is not called.
 */
import { addressOf } from '../lb/endpoint.js';
import type { Instance } from './registry/dialects/dialect.js';

/** Newest last where a list does not say since when. */
export function unionOf(lists: readonly (readonly Instance[])[]): readonly Instance[] {
  const union = new Map<string, Instance>();
  for (const list of lists) {
    for (const [at, instance] of newestOf(list)) {
      const first = union.get(at);
      if (first === undefined) union.set(at, instance);
      else if (first.up && !instance.up) union.set(at, { ...first, up: false });
    }
  }
  return [...union.values()];
}

function newestOf(list: readonly Instance[]): ReadonlyMap<string, Instance> {
  const newest = new Map<string, Instance>();
  for (const instance of list) {
    const at = addressOf(instance);
    const other = newest.get(at);
    if (other === undefined || (other.since ?? 0) <= (instance.since ?? 0)) newest.set(at, instance);
  }
  return newest;
}
