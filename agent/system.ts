/** The real clock, chance and timers: the only impure file beside main.ts. Everything else is handed these. */
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setImmediate as turnEnds, setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../lb/ports.js';
import type { Clock as WireClock } from './registry/wire/ports.js';

export type { Clock, Random } from '../lb/ports.js';

/**
 * What is due rings at the end of a turn of the event loop, when what had come by then was read. The loop by itself rings first: after this
 * process was held up (no CPU, SIGSTOP, a machine asleep), all that had been waited for would be too late, although it lies in its sockets.
 * No time limit stands on `every`, which rings as the loop does.
 */
export const clock: Clock & Pick<WireClock, 'turnEnds'> = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run) {
    let due: NodeJS.Immediate | undefined;
    const timer = setTimeout(() => (due = setImmediate(run)), ms).unref();
    return () => {
      clearTimeout(timer);
      clearImmediate(due);
    };
  },
  turnEnds(run) {
    setImmediate(run);
  },
  every(ms, run) {
    const timer = setInterval(run, ms).unref();
    return () => clearInterval(timer);
  },
  async sleep(ms, signal) {
    const options = signal ? { signal } : {};
    await sleep(ms, undefined, options);
    await turnEnds(undefined, options);
  },
};

/** Of every interface of this machine. */
export const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));

/** To the file system; undefined where there are no such users. */
export const userId = (): number | undefined => process.getuid?.();

export const random = (): number => Math.random();
