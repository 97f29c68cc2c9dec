import type { Socket } from 'node:net';

/**
 * Breaks a connection so that nobody takes what was sent for all there is: by a RST, where there is one. `resetAndDestroy` ends in order
 * first and resets then, so the mark that it leaves for `destroy` is set here.
 */
export function reset(socket: Socket): void {
  if (socket.remoteAddress !== undefined) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
}

const nothing = Buffer.alloc(0);

/**
 * Has a socket tell of the reset of its other side as of an error, always. Where a reset lies right behind bytes, libuv tells of an end
 * (`uv__stream_io`), by which half an answer looks whole. So an end is looked at before the stream hears of it: the system still knows of
 * the reset, and fails a write of nothing. Where our side has ended, nothing can be written; but libuv does not guess about a socket that is
 * not read just then, so from there on each read is the last of its turn. A reset behind an end is one too: libuv has no name for either.
 */
export function hearsResets(socket: Socket): void {
  const push = socket.push.bind(socket);
  const read = socket._read.bind(socket);
  const end = (): void => {
    if (!socket.destroyed) push(null);
  };
  socket.push = (bytes: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (bytes !== null) return push(bytes, encoding) && !socket.writableEnded;
    if (socket.writable) socket.write(nothing);
    if (socket.writableLength > 0)
      setImmediate(end); // it waits behind others, which the reset would break in this turn
    else if (!socket.errored) end();
    return false;
  };
  socket._read = (size) => {
    if (socket.writableEnded) setImmediate(() => read(size));
    else read(size);
  };
}
