/** Long work in pieces: a few milliseconds of it in each turn of the event loop, since calls go on meanwhile. */
import type { Clock } from './system.js';

/** Work that can rest at each `yield`. */
export type Pieces<T = void> = Generator<void, T, void>;

const TURN_MS = 5;

/** Begins at once. Resolves with what comes of it; with undefined when `isOver` says so at one of its rests. */
export async function inTurns<T>(
  work: Pieces<T>,
  clock: Pick<Clock, 'now' | 'sleep'>,
  isOver = (): boolean => false,
): Promise<T | undefined> {
  let endsAt = clock.now() + TURN_MS;
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (clock.now() < endsAt) continue;
    await clock.sleep(0);
    if (isOver()) return undefined;
    endsAt = clock.now() + TURN_MS;
  }
}

/** In one go. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

export function* each<One>(all: Iterable<One>, run: (one: One) => void): Pieces {
  for (const one of all) {
    run(one);
    yield;
  }
}
