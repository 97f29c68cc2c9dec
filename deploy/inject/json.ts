/**
 * Values as they come out of YAML and JSON, before anybody has looked at them. A key like `__proto__` is a key like any other here:
 * nothing is copied by assignment to a name that others chose, except with `put`.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: Json | undefined;
}

export const isMap = (value: unknown): value is JsonMap => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isList = (value: unknown): value is readonly Json[] => Array.isArray(value);

/** The member of that name, if it is the map's own. */
export const member = (value: unknown, key: string): Json | undefined =>
  isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/** The member down a path, map by map and list by list. */
export const at = (value: unknown, path: readonly (string | number)[]): Json | undefined =>
  path.reduce<unknown>(
    (inner, key) => (isList(inner) ? (typeof key === 'number' ? inner[key] : undefined) : member(inner, String(key))),
    value,
  ) as Json | undefined;

export const mapAt = (value: unknown, ...path: readonly string[]): JsonMap => {
  const found = at(value, path);
  return isMap(found) ? found : {};
};

export const mapsAt = (value: unknown, ...path: readonly string[]): readonly JsonMap[] => {
  const found = at(value, path);
  return isList(found) ? found.filter(isMap) : [];
};

export const textAt = (value: unknown, ...path: readonly string[]): string | undefined => {
  const found = at(value, path);
  return typeof found === 'string' ? found : undefined;
};

/** The name of a container, a volume, a port; empty where it has none. */
export const nameOf = (value: unknown): string => textAt(value, 'name') ?? '';

/** A copy of the map with the key set, at its end where it is new; undefined takes the key out. */
export function put(map: JsonMap, key: string, value: Json | undefined): JsonMap {
  const entries = Object.entries(map).filter(([name]) => name !== key || value !== undefined);
  const index = entries.findIndex(([name]) => name === key);
  if (value !== undefined) entries.splice(index < 0 ? entries.length : index, 1, [key, value]);
  return Object.fromEntries(entries);
}

/** A copy of the value with what stands at the path replaced. The path exists but for its last key. */
export function putAt(value: Json, path: readonly (string | number)[], inner: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return inner;
  if (isList(value)) return value.map((item, index) => (index === key ? putAt(item, rest, inner) : item));
  const map = value as JsonMap;
  return put(map, String(key), rest.length === 0 ? inner : putAt(map[String(key)]!, rest, inner));
}

/** Equal whatever the order of keys; a key without a value counts as absent. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (!isMap(a) || !isMap(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(member(a, key), member(b, key)));
}
