import { setImmediate as turn } from 'node:timers/promises';

/** Lets everything that needs no time happen: calls of a MemoryTree, watches that fire, and what follows from them. */
export async function calm(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}
