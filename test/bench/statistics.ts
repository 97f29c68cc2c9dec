/** The few numbers that rounds are boiled down to. A median, since a round that somebody disturbed must not move the result. */

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Half the distance between the second least and the second largest, of the median; of three or less, between the extremes. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const kept = sorted.length > 3 ? sorted.slice(1, -1) : sorted;
  return (kept.at(-1)! - kept[0]!) / 2 / median(values);
}

/**
 * The median of the ratios within each round, not the ratio of two medians: what disturbs a round disturbs both sides of it, and both sides
 * stand close together in time. Rounds in which one side is missing are left out.
 */
export function ratio(values: readonly (number | undefined)[], base: readonly (number | undefined)[]): number {
  return median(
    values.flatMap((value, round) => {
      const against = base[round];
      return value === undefined || against === undefined ? [] : [value / against];
    }),
  );
}
