import type { Socket } from 'node:net';
import { endWhenRead } from '../late-end.js';

/** So many heads at most does node get at once. */
const mostHeads = 32;
const emptyLine = '\r\n\r\n';

/** Those of one read, or what a lane before has read. */
function slices(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  let from = 0;
  for (let end = endOfSlice(bytes, 0); end < bytes.length; end = endOfSlice(bytes, from)) {
    found.push(bytes.subarray(from, end));
    from = end;
  }
  return from === 0 ? [bytes] : [...found, bytes.subarray(from)];
}

/** Behind some empty lines: those of heads, or others in a body, where it does no harm. */
function endOfSlice(bytes: Buffer, from: number): number {
  let at = from;
  for (let heads = 0; heads < mostHeads; heads++) {
    const found = bytes.indexOf(emptyLine, at, 'latin1');
    if (found < 0) return bytes.length;
    at = found + emptyLine.length;
  }
  return at;
}

/**
 * Gives node's HTTP the bytes of a socket in slices. Of a read of 64 KiB it makes all requests at once, some 5 KB of objects for each 45 bytes
 * that an app has sent ahead; in slices most of them stay bytes, since the connection is paused as soon as a request waits (visit.ts).
 */
export function inSlices(socket: Socket): void {
  const push = socket.push.bind(socket);
  socket.push = (bytes: Buffer | null): boolean => {
    if (bytes === null) return endWhenRead(socket, push);
    let more = true;
    for (const slice of slices(bytes)) more = push(slice);
    return more;
  };
}

/**
 * `serve` gives the socket to node's HTTP. What has been read before is sliced too; and node must not read beneath the stream, which it gives
 * up when somebody listens to `data`.
 */
export function served(socket: Socket, serve: () => void): void {
  const before = socket.read() as Buffer | null;
  if (before !== null) for (const slice of [...slices(before)].reverse()) socket.unshift(slice);
  serve();
  const listen = (): void => undefined;
  socket.on('data', listen).off('data', listen);
}
