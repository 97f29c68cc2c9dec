import type { Socket } from 'node:net';

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
    if (bytes === null) return end();
    let more = true;
    for (const slice of slices(bytes)) more = push(slice);
    return more;
  };
  // a stream tells its end even while it is paused, and node's HTTP gives up what runs when it hears of it: so that comes when all is read
  const end = (hasFlowed = false): boolean => {
    if (socket.isPaused()) socket.once('resume', () => process.nextTick(end));
    else if (socket.readableLength > 0 && !hasFlowed) process.nextTick(end, true);
    else push(null);
    return false;
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
