/**
 * What was changed in a pod, kept in the pod itself, so that it can be taken back exactly. It is an annotation that anybody can
 * write: whatever does not read as a record is none.
 */
import { isList, isMap, member, type JsonMap } from './json.js';

export interface Record {
  readonly version: 1;
  /** Maps and lists that were not there: `metadata`, `annotations`, `initContainers`, `volumes`, `lifecycle:app`, `env:app`. */
  readonly made: readonly string[];
  readonly annotations: readonly string[];
  /** Containers that were given a preStop hook. */
  readonly preStop: readonly string[];
  /** Containers that were given a proxy, with the variables. */
  readonly proxy: readonly string[];
  /** What the grace period was; null: not set. Undefined: it was not changed. */
  readonly period?: number | null;
}

export function readRecord(text: unknown): Record | undefined {
  if (typeof text !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isMap(value) || value['version'] !== 1) return undefined;
  const [made, annotations, preStop, proxy] = ['made', 'annotations', 'preStop', 'proxy'].map((key) => texts(value, key));
  const period = member(value, 'period');
  if (!made || !annotations || !preStop || !proxy) return undefined;
  if (period !== undefined && period !== null && !Number.isSafeInteger(period)) return undefined;
  return { version: 1, made, annotations, preStop, proxy, ...(period !== undefined && { period: period as number | null }) };
}

const texts = (map: JsonMap, key: string): readonly string[] | undefined => {
  const value = member(map, key);
  return isList(value) && value.every((one) => typeof one === 'string') ? value : undefined;
};
