/**
 * The buffers of connections that have closed, for the next ones. V8 collects its whole heap after some dozens of new buffers, however little
 * else there is to collect.
 */
import { room } from './rewrite.js';

/** An answer of 64 KiB comes with its head in one read. */
const readBytes = 68 * 1024;
const size = room + readBytes;
/** As many as may close before one opens. */
const most = 16;

export class SpareBuffers {
  readonly #kept: Buffer[] = [];

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  /** Nobody reads or writes it any more. One that has grown is not kept. */
  give(buffer: Buffer): void {
    if (buffer.length === size && this.#kept.length < most) this.#kept.push(buffer);
  }
}
