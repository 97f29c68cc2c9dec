/**
 * Drops `100 Continue` heads from the front of an answer. An endpoint may send one although nobody asked for it (RFC 9110, 15.2.1), and
 * undici takes it for a broken answer. Looks only where an answer is to begin; everything from the first other byte on is passed.
 */
import type { Socket } from 'node:net';

const end = Buffer.from('\r\n\r\n');
const starts = ['HTTP/1.1 100 ', 'HTTP/1.0 100 ', 'HTTP/1.1 100\r', 'HTTP/1.0 100\r'];

/** What is left of `bytes` without the 100s in front; undefined when more must come before that can be told. */
export function afterContinues(bytes: Buffer): Buffer | undefined {
  for (;;) {
    const line = bytes.toString('latin1', 0, 13);
    if (line.length < 13) return starts.some((known) => known.startsWith(line)) ? undefined : bytes;
    if (!starts.includes(line)) return bytes;
    const at = bytes.indexOf(end);
    if (at < 0) return undefined;
    bytes = bytes.subarray(at + end.length);
  }
}

/** Filters what `socket.read` gives. Call what it returns where an answer is to begin. Holds at most `maxHeadBytes` back. */
export function dropContinues(socket: Socket, maxHeadBytes: number): () => void {
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  let expecting = false;
  let held: Buffer = Buffer.alloc(0);
  socket.read = (size?: number): Buffer | null => {
    for (let chunk = read(size); ; chunk = read(size)) {
      if (!expecting || chunk === null) return chunk;
      const bytes = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const rest = afterContinues(bytes) ?? (bytes.length > maxHeadBytes ? bytes : undefined);
      expecting = rest === undefined;
      held = rest === undefined ? bytes : Buffer.alloc(0);
      if (rest !== undefined) return rest;
    }
  };
  return () => {
    expecting = true;
    held = Buffer.alloc(0);
  };
}
