/** What the kernel has of a TCP connection of 127.0.0.1, looked at while the event loop stands still. Linux only. */
import { readFileSync } from 'node:fs';

interface Seen {
  /** Bytes that have come and were not read. */
  readonly unread: number;
  /** The other side has ended it. */
  readonly isEnded: boolean;
}

const CLOSE_WAIT = '08';
/** Bytes on this machine are there in no time; while the loop stands still, nobody else can end a wait in vain. */
const PATIENCE_MS = 60_000;

/** Does not come back before it holds of the end at `port` of a connection with `peer`. The loop does not turn, so nothing is read meanwhile. */
export function awaitKernel(port: number, peer: number, holds: (seen: Seen) => boolean): void {
  const end = performance.now() + PATIENCE_MS;
  for (let seen = look(port, peer); !seen.some(holds); seen = look(port, peer))
    if (performance.now() > end) throw new Error(`waited 60 s in vain, and saw ${JSON.stringify(seen)}`);
}

function look(port: number, peer: number): readonly Seen[] {
  const at = [port, peer].map((number) => `0100007F:${number.toString(16).toUpperCase().padStart(4, '0')}`).join(' ');
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .filter((line) => line.includes(` ${at} `))
    .map((line) => line.trim().split(/[\s:]+/))
    .map((fields) => ({ isEnded: fields[5] === CLOSE_WAIT, unread: parseInt(fields[7]!, 16) }));
}
