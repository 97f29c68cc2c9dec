/**
 * Which process holds a lease, so that another can tell its death at once instead of after the timeout. A process id alone says nothing:
 * containers share folders and not processes, and ids come again. So it is written down with the boot of the kernel, the namespace of
 * process ids and the moment of its start, and believed only where boot and namespace are the reader's own. Where the system tells none of
 * that (anything but Linux), the lease's time alone decides.
 */
import { readFile, readlink } from 'node:fs/promises';

export interface Holder {
  readonly pid: number;
  /** Ticks after the boot, as the kernel counts them. */
  readonly started: string;
  /** Boot and namespace. */
  readonly world: string;
}

export type Fate = 'alive' | 'dead' | 'unknown';

/** This process; undefined where the system does not tell. */
export async function ourselves(): Promise<Holder | undefined> {
  try {
    const [boot, namespace, status] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlink('/proc/self/ns/pid'),
      statusOf(process.pid),
    ]);
    return status && { pid: process.pid, started: status.started, world: `${boot.trim()} ${namespace}` };
  } catch {
    return undefined;
  }
}

/** Whether the process of a lease lives, as far as `us` can tell. */
export async function fateOf(holder: Holder | undefined, us: Holder | undefined): Promise<Fate> {
  if (!holder || !us || holder.world !== us.world) return 'unknown';
  if (!isThere(holder.pid)) return 'dead';
  const status = await statusOf(holder.pid).catch(() => undefined);
  if (!status) return 'unknown'; // /proc may hide the processes of others
  return status.isOver || status.started !== holder.started ? 'dead' : 'alive';
}

/** Undefined for whatever is not wholly as we write it. */
export function holderIn(value: unknown): Holder | undefined {
  const { pid, started, world } = (value ?? {}) as Record<string, unknown>;
  if (!Number.isSafeInteger(pid) || (pid as number) < 1 || typeof started !== 'string' || typeof world !== 'string')
    return undefined;
  return { pid: pid as number, started, world };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** The state and the start of a process: fields 3 and 22 of a line whose second field may hold anything. */
async function statusOf(pid: number): Promise<{ readonly isOver: boolean; readonly started: string } | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state = '', started] = [fields[0], fields[19]];
  return started === undefined ? undefined : { isOver: 'ZX'.includes(state), started };
}
