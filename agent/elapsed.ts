const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A span of time for a person: `250 ms`, `1.5 s`, `12 s`, `4 min`, `3 h`, `2 d`. Rounded down, and never below 0 ms. */
export function elapsed(ms: number): string {
  const [unit, size] = units.find(([, least]) => ms >= least) ?? ['ms', 1];
  const amount = Math.max(0, ms) / size;
  return `${amount < 10 && unit !== 'ms' ? Math.floor(amount * 10) / 10 : Math.floor(amount)} ${unit}`;
}
