/** One measurement: a load for some seconds against one running contender, and what it has cost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './contenders/contender.js';
import { LoadRun, type Load, type LoadOptions, type Seen } from './load.js';
import { busyMs, cpuMs } from './proc.js';

export interface Sample extends Seen {
  /** User and system time of the contender's processes, for each call. */
  readonly cpuUs: number;
  /** Cores that anybody else used in that time: other programs, and the machine below. */
  readonly othersCores: number;
  /** Calls by the lane that took them; only of zidecar. */
  readonly lanes?: Readonly<Record<string, number>>;
}

/** `mine`: the processes of the benchmark itself, which are not others. */
export async function measure(
  running: Running,
  port: number,
  load: Load,
  options: LoadOptions,
  mine: readonly number[],
): Promise<Sample> {
  const lanesBefore = await running.lanes?.();
  const run = new LoadRun(port, { ...load, ...running.asks }, options);
  await run.started();
  const { pid = 0 } = running;
  const ours = (): number => [...mine, run.pid, pid].map(cpuMs).reduce((sum, ms) => sum + ms, 0);
  const before = { at: performance.now(), cpu: cpuMs(pid), busy: busyMs(), ours: ours() };
  const counted = run.ended();
  await Promise.race([counted, sleep(options.seconds * 1_000 - 20)]);
  const after = { at: performance.now(), busy: busyMs(), ours: ours() }; // while the load generator still lives
  const result = await counted;
  const cpu = cpuMs(pid) - before.cpu;
  const others = after.busy - before.busy - (after.ours - before.ours);
  const lanesAfter = await running.lanes?.();
  return {
    ...result,
    cpuUs: (cpu * 1_000) / Math.max(1, result.calls),
    othersCores: Math.max(0, others / (after.at - before.at)),
    ...(lanesBefore && lanesAfter && { lanes: difference(lanesAfter, lanesBefore) }),
  };
}

/** A load at a rate brings other turns than one that goes as fast as it can: what is compiled for those has so many seconds more. */
const AT_ITS_RATE_S = 4;

/**
 * Runs the load until the contender has had so much of its core, or for 15 s: what compiles as it runs must have done so before it is
 * measured, and on a busy machine seconds say little about that. `share`: of that, and of the time at its own rate.
 */
export async function warm(running: Running, port: number, load: Load, cpu: number, core: number, share: number): Promise<void> {
  const asked = { ...load, ...running.asks };
  const run = new LoadRun(port, asked, { seconds: 15, core, asFastAsItGoes: true });
  await run.started();
  const over = run.ended().then(
    () => true,
    () => true, // it was told to end
  );
  while (cpuMs(running.pid ?? 0) < share * cpu && !(await Promise.race([over, sleep(50).then(() => false)])));
  run.kill();
  if (load.rate === undefined) return;
  const atItsRate = new LoadRun(port, asked, { seconds: share * AT_ITS_RATE_S, core });
  await atItsRate.started();
  await atItsRate.ended();
}

const difference = (after: Readonly<Record<string, number>>, before: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(after).map(([lane, calls]) => [lane, calls - (before[lane] ?? 0)]));
