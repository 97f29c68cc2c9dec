/** What a process keeps, as a measurement sees it: garbage is collected first. Needs no flag of Node's. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export interface Memory {
  /** What is resident, but for V8's young generation: that is empty then, and how many pages it has left tells of the past. */
  readonly resident: number;
  /** The part of it that V8 knows of. */
  readonly heap: number;
}

export function memory(): Memory {
  collect();
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')!;
  const { rss, heapUsed: heap } = process.memoryUsage();
  return { resident: rss - young.physical_space_size, heap };
}

/** How much more each of so many costs. */
export const each = (before: Memory, after: Memory, count: number): Memory => ({
  resident: (after.resident - before.resident) / count,
  heap: (after.heap - before.heap) / count,
});
