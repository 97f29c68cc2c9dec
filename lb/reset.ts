import type { Socket } from 'node:net';

/**
 * Breaks a connection so that nobody takes what was sent for all there is: by a RST, where there is one. `resetAndDestroy` ends in order
 * first and resets then, so the mark that it leaves for `destroy` is set here.
 */
export function reset(socket: Socket): void {
  if (socket.remoteAddress !== undefined) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
}
