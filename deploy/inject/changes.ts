/**
 * What differs between two values, as steps that can be taken one after the other: the operations of a JSON patch (RFC 6902), and what
 * is written into a manifest. Lists of named things are compared by name. Steps of a list go from its end to its beginning, so a step's
 * index is right in the list as it was, and in the list as the steps before have left it.
 */
import { isList, isMap, member, same, textAt, type Json } from './json.js';
import type { Path } from './workloads.js';

export type Change =
  { readonly op: 'add' | 'replace'; readonly path: Path; readonly value: Json } | { readonly op: 'remove'; readonly path: Path };

export function changes(before: Json, after: Json, path: Path = []): readonly Change[] {
  if (same(before, after)) return [];
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].reverse();
    return keys.flatMap((key): readonly Change[] => {
      const [old, now] = [member(before, key), member(after, key)];
      if (old === undefined) return now === undefined ? [] : [{ op: 'add', path: [...path, key], value: now }];
      return now === undefined ? [{ op: 'remove', path: [...path, key] }] : changes(old, now, [...path, key]);
    });
  }
  return (isList(before) && isList(after) && inLists(before, after, path)) || [{ op: 'replace', path, value: after }];
}

/** Undefined: the lists are not of named things in one order. */
function inLists(before: readonly Json[], after: readonly Json[], path: Path): readonly Change[] | undefined {
  const [old, now] = [names(before), names(after)];
  if (!old || !now) return undefined;
  const [kept, stayed] = [old.filter((name) => now.includes(name)), now.filter((name) => old.includes(name))];
  if (kept.some((name, index) => stayed[index] !== name)) return undefined;
  const found: Change[] = [];
  let next = after.length - 1;
  const addFollowing = (index: number, until: (name: string) => boolean): void => {
    for (; next >= 0 && !until(now[next]!); next--) found.push({ op: 'add', path: [...path, index], value: after[next]! });
  };
  for (let index = before.length - 1; index >= 0; index--) {
    const name = old[index]!;
    if (!now.includes(name)) {
      found.push({ op: 'remove', path: [...path, index] });
      continue;
    }
    addFollowing(index + 1, (one) => one === name);
    found.push(...changes(before[index]!, after[next--]!, [...path, index]));
  }
  addFollowing(0, () => false);
  return found;
}

function names(list: readonly Json[]): readonly string[] | undefined {
  const found = list.flatMap((item) => textAt(item, 'name') ?? []);
  return found.length === list.length && new Set(found).size === found.length ? found : undefined;
}

/** As RFC 6901 writes a path. */
export const pointer = (path: Path): string =>
  path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
