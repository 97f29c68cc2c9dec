/**
 * What Linux tells of processes: how long each has run, how much memory it holds, and how busy the machine is in all. Reading is split from
 * understanding, so that the second has tests. Times come in ticks of 10 ms, user and system time together.
 */
import { readFileSync } from 'node:fs';

/** USER_HZ, which every Linux of today has. */
const TICK_MS = 10;

/** `/proc/PID/stat`. The name of the program stands in brackets and may hold anything, brackets and spaces too. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the first is the state, the third of the manual
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** `/proc/stat`: the time of all cores that somebody used, or that the machine below took from us. */
export function busyMsOf(stat: string): number {
  const [user, nice, system, , , irq, softirq, steal] = stat
    .slice(0, stat.indexOf('\n'))
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) * TICK_MS;
}

/** A line of `/proc/PID/status` such as `VmRSS:     1234 kB`, in bytes; 0 when it is not there. */
export function bytesOf(status: string, name: 'VmRSS' | 'VmHWM'): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended
  }
};

/** A process and all that came from it and still lives. */
export function family(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(family)];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** User and system time of a process and its family so far; 0 when there is none. */
export const cpuMs = (pid: number): number =>
  sum(
    family(pid)
      .map((one) => read(`/proc/${one}/stat`))
      .filter(Boolean)
      .map(cpuMsOf),
  );

export const residentBytes = (pid: number): number =>
  sum(family(pid).map((one) => bytesOf(read(`/proc/${one}/status`), 'VmRSS')));

export const busyMs = (): number => busyMsOf(read('/proc/stat'));
