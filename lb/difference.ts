/** In what two lists of the same things differ, by identity. What stands as before, counted from either end, costs one comparison. */
export function difference<Item extends object>(
  before: readonly Item[],
  after: readonly Item[],
): { readonly gone: readonly Item[]; readonly joined: readonly Item[] } {
  const both = Math.min(before.length, after.length);
  let first = 0;
  while (first < both && before[first] === after[first]) first++;
  let last = 0;
  while (last < both - first && before[before.length - 1 - last] === after[after.length - 1 - last]) last++;
  const gone = new Set(before.slice(first, before.length - last));
  const joined = after.slice(first, after.length - last).filter((item) => !gone.delete(item));
  return { gone: [...gone], joined };
}
