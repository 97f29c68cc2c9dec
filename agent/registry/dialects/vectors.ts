/**
 * Weights as serversets have them: `vector_…` nodes beside the members, each a list of selectors with a factor. A member's weight is the
 * product over all selectors that match it, of two nodes that say the same only one; a factor of exactly -1.0 filters it out. Pure.
 */
import { address } from '../../../lb/endpoint.js';
import { asMap, shown } from './checked.js';
import type { Instance, Skip, Weights } from './dialect.js';
import { openJson, skip } from './json.js';

/** Selector and factor of one node; of a selector that stands there twice the product. */
export function readVector(data: Uint8Array): Weights | Skip {
  const json = openJson(data, 'no data, where a list of weights is expected');
  if ('skip' in json) return json;
  const list = json.get('vector');
  if (!Array.isArray(list)) return skip('bad_weight', `a vector is a list of selectors, this is ${shown(list)}`);
  const factors = new Map<string, number>();
  const rows: unknown[] = [];
  for (const entry of list as readonly unknown[]) {
    const row = asMap(entry);
    const [select, weight] = [row?.get('select'), row?.get('weight')];
    if (typeof select !== 'string' || select.length > LONGEST_SELECTOR || typeof weight !== 'number' || !Number.isFinite(weight))
      continue;
    factors.set(select, times(factors.get(select), weight));
    const priority = row?.get('priority');
    rows.push(select, weight, Number.isInteger(priority) ? priority : 1);
  }
  return { factors, text: JSON.stringify(rows) };
}

/** The bytes of a node that gives one member its weight. JVM readers pass over a weight that is written as an integer: `2` is not `2.0`. */
export function writeVector(member: string, weight: number): Uint8Array {
  const factor = Number.isInteger(weight) ? `${weight}.0` : String(weight);
  return new TextEncoder().encode(
    `{"vector":[{"select":${JSON.stringify(`member=${member}`)},"weight":${factor},"priority":1}]}`,
  );
}

const LONGEST_SELECTOR = 512;
const OUT = -1;
const HEAVIEST = 1_000_000;
const times = (one: number | undefined, other: number): number => (one === OUT || other === OUT ? OUT : (one ?? 1) * other);

/** For each member, by the name of its node, what all the vectors together make of it. */
export function weigher(vectors: Iterable<Weights>): (name: string, instance: Instance) => Instance {
  const factors = new Map<string, number>();
  const seen = new Set<string>();
  for (const each of vectors) {
    if (seen.has(each.text)) continue;
    seen.add(each.text);
    for (const [select, factor] of each.factors) factors.set(select, times(factors.get(select), factor));
  }
  return (name, instance) => {
    if (factors.size === 0) return instance;
    const { host, port, meta } = instance;
    const selectors = new Set([
      `member=${name}`,
      `inet=${host}:${port}`,
      `inet=${address(instance)}`,
      ...(meta['shard'] === undefined ? [] : [`shard=${meta['shard']}`]),
    ]);
    let factor: number | undefined;
    for (const selector of selectors) {
      const one = factors.get(selector);
      if (one !== undefined) factor = times(factor, one);
    }
    if (factor === undefined) return instance;
    if (!(factor >= 0)) return { ...instance, up: false };
    return { ...instance, weight: Math.min(instance.weight * factor, HEAVIEST) };
  };
}
