/**
 * How fast a watcher follows its service: at once while little happens, and ever slower the larger the service is, because a change of a
 * large one makes all its watchers read at the same time. Pure numbers, all in milliseconds.
 */

/** A change after this much quiet is news, and read at once. */
const QUIET_MS = 1_000;

/** How long a change waits for others to come along. */
export function gatherMs(sinceLastChangeMs: number, children: number): number {
  if (sinceLastChangeMs >= QUIET_MS) return 0;
  const large = Math.min(1, Math.max(0, (children - 100) / 4_900));
  return Math.round(20 + 980 * large);
}

/** Over how long the reads of so many new children are spread. */
export const spreadMs = (joined: number): number => Math.min(joined, 2_000);

/** Over how long a new session arms its watches again: callers hold the last good list, so there is no hurry. */
export const rearmMs = (children: number): number => Math.min(children * 10, 60_000);

/** The least time between two lists that are told: making and using one costs more the longer it is. */
export const tellMs = (children: number): number => Math.floor(children / 50);
