/**
 * The buffers of connections that have closed, for the next ones. V8 collects its whole heap after some dozens of new buffers, however little
 * else there is to collect.
 */
import { readBytes } from './inbox.js';
import { room } from './rewrite.js';

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
