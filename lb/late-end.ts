import type { Socket } from 'node:net';

/**
 * Tells a stream its end when all of it has been read. By itself it tells even while it is paused, and what runs is given up then: node's HTTP
 * takes the end of the app for its going away. `push` is the stream's own.
 */
export function endWhenRead(socket: Socket, push: (bytes: null) => boolean, hasFlowed = false): false {
  if (socket.isPaused()) socket.once('resume', () => process.nextTick(endWhenRead, socket, push));
  else if (socket.readableLength > 0 && !hasFlowed) process.nextTick(endWhenRead, socket, push, true);
  else push(null);
  return false;
}
