import { setImmediate as turn } from 'node:timers/promises';

/** From the end of a turn, so that what the loop looks at next are its timers: something happens, the clock runs on for so long, and nobody reads. */
export async function holdUp<T>(ms: number, happens: () => T): Promise<T> {
  await turn();
  const happened = happens();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return happened;
}
