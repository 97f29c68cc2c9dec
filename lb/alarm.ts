import type { Clock } from './ports.js';

/** The longest that a timer of node can be set to; a longer one would ring at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** `clock.after` for a timeout that may be off (undefined): then it never rings. Call what it returns to stop it. */
export const alarm = (clock: Clock, ms: number | undefined, ring: () => void): (() => void) =>
  ms === undefined ? () => undefined : clock.after(Math.min(ms, longestTimerMs), ring);
