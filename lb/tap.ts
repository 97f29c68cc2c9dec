/**
 * What a socket reads, past the stream that node puts around it. Node hands each read to the stream by its public `push`; the stream tells
 * `data`, plans to look for more, and has all plans of the process looked through, each time. Here `push` goes straight to whoever takes the
 * bytes, as long as they may flow and none wait in the stream; all else, the end included, is left to the stream. A node that did not call
 * `push` any more would take nothing from us: `data` is listened to as well.
 */
import type { Socket } from 'node:net';
import { endWhenRead } from './late-end.js';

/**
 * `flows`: whether bytes may be taken now. `ends`: the end is next, so what was taken and waits is to be looked at before the stream knows. The
 * returned function gives the socket back to its stream.
 */
export function tap(
  socket: Socket,
  take: (bytes: Buffer) => void,
  flows: () => boolean,
  ends = (): void => undefined,
): () => void {
  const asStream = socket.push.bind(socket);
  const pushed = (bytes: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (bytes === null) ends();
    // a lane that gets the socket, with bytes in its stream, is to hear of its end behind these
    if (bytes === null && socket.readableLength > 0) return endWhenRead(socket, asStream);
    if (bytes === null || !flows() || socket.readableLength > 0) return asStream(bytes, encoding);
    take(bytes);
    return true;
  };
  socket.push = pushed;
  socket.on('data', take);
  return () => {
    if (socket.push === pushed) socket.push = asStream;
    socket.off('data', take);
  };
}

/**
 * What was taken and not used comes before what the stream has, all in one piece: node's parser, when it has to wait, has the socket read on
 * although pieces lie in its stream, and what is new overtakes them.
 */
export function putBack(socket: Socket, ...unused: readonly (Buffer | undefined)[]): void {
  const pieces = [...unused, socket.read() as Buffer | null].filter((piece) => piece !== undefined && piece !== null);
  if (pieces.length > 0) socket.unshift(Buffer.concat(pieces));
}
