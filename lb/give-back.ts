/**
 * Gives the memory of what a socket has read back at once. Node takes new memory for each read, up to 64 KiB, where it was given none, and V8
 * frees it by collections: one of its whole heap, which is small, for each dozen MB. A buffer whose memory is sent away is empty, and a closed
 * port forgets what it is sent, so the next read finds memory that the processor still has in its caches.
 */
import { MessageChannel } from 'node:worker_threads';

/** What is smaller costs less to collect than to give back. */
const least = 4 * 1024;

const { port1: away } = new MessageChannel();
away.close();

/** Nobody reads it any more, and no write of it is on its way. A part of a larger read stays, since others may lie beside it. */
export function giveBack(bytes: Buffer): void {
  if (bytes.length < least) return; // first: `buffer` is a call out of JavaScript
  const { buffer } = bytes;
  if (bytes.length === buffer.byteLength && buffer instanceof ArrayBuffer) away.postMessage(undefined, [buffer]);
}
