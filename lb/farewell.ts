/** The last words of a connection of the app, outside of node's HTTP server: a refusal in bytes, and an end that leaves time to read it. */
import type { Socket } from 'node:net';
import { linesOf } from './headers.js';
import { STATUS_CODES } from './node-http.js';
import type { Clock } from './ports.js';
import type { RefusalAnswer } from './refusal.js';

/** An app that is told goodbye has this long to read it. */
export const lingerMs = 1_000;

/** `withoutBody`: to HEAD. */
export function refusalBytes({ status, fields, body }: RefusalAnswer, withoutBody = false): Buffer {
  const head = Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${linesOf(fields)}\r\n`, 'latin1');
  return withoutBody ? head : Buffer.concat([head, body]);
}

/** Answers on a bare socket, and ends it. */
export function sayGoodbye(socket: Socket, answer: RefusalAnswer, clock: Clock): void {
  socket.write(refusalBytes(answer));
  endPolitely(socket, clock);
}

/** Ends our side, and the other when it ends or after a while: closing at once could take the last words from whoever still sends. */
export function endPolitely(socket: Socket, clock: Clock): void {
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());
  socket.end();
  socket.resume();
  const stop = clock.after(lingerMs, () => socket.destroy());
  socket.once('close', stop);
}
