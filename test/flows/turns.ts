/**
 * Loaded into the program under test (`NODE_OPTIONS=--import`): writes down each turn of its event loop that took long, into the file that TURNS_FILE
 * names, one number of milliseconds a line. On a machine that is busy with other things a late timer says little; so a turn counts with no more
 * than the CPU time that the process had meanwhile.
 */
import { appendFileSync } from 'node:fs';

const EVERY_MS = 5;
const LONG_MS = 20;

let [at, cpu] = [performance.now(), process.cpuUsage()];
setInterval(() => {
  const { user, system } = process.cpuUsage(cpu);
  const took = Math.min(performance.now() - at - EVERY_MS, (user + system) / 1_000);
  if (took > LONG_MS) appendFileSync(process.env['TURNS_FILE']!, `${took.toFixed(0)}\n`);
  [at, cpu] = [performance.now(), process.cpuUsage()];
}, EVERY_MS).unref();
