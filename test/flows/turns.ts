/**
 * Loaded into the program under test (`NODE_OPTIONS=--import`): writes down each turn of its event loop that took long, into the file that TURNS_FILE
 * names, one number of milliseconds a line. On a machine that is busy with other things a late timer says little; so a turn counts with no more
 * than the CPU time that the thread of the event loop (elsewhere than on Linux: the process) had meanwhile.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

const EVERY_MS = 5;
const LONG_MS = 20;
const SCHEDULED = `/proc/self/task/${process.pid}/schedstat`;

const computedMs = existsSync(SCHEDULED)
  ? (): number => Number(readFileSync(SCHEDULED, 'latin1').split(' ')[0]) / 1e6
  : (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e3;

let [at, cpu] = [performance.now(), computedMs()];
setInterval(() => {
  const took = Math.min(performance.now() - at - EVERY_MS, computedMs() - cpu);
  if (took > LONG_MS) appendFileSync(process.env['TURNS_FILE']!, `${took.toFixed(0)}\n`);
  [at, cpu] = [performance.now(), computedMs()];
}, EVERY_MS).unref();
