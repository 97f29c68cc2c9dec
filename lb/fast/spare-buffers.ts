/**
 * The buffers of connections that have closed, for the next ones: V8 collects its whole heap after some dozens of new buffers, however little
 * else there is to collect. And a few large ones, lent to long answers.
 */
import { readBytes } from './inbox.js';
import { room } from './rewrite.js';

const size = room + readBytes;
/** As many as may close before one opens. */
const most = 16;

const largeSize = room + 256 * 1024;
/** So many are lent at a time: 4 MB. */
const mostLarge = 16;

export class SpareBuffers {
  readonly #kept: Buffer[] = [];
  readonly #keptLarge: Buffer[] = [];
  readonly #lent = new Set<Buffer>();

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  /** A large one; undefined: all of them are lent. */
  borrow(): Buffer | undefined {
    if (this.#lent.size === mostLarge) return undefined;
    const buffer = this.#keptLarge.pop() ?? Buffer.allocUnsafeSlow(largeSize);
    this.#lent.add(buffer);
    return buffer;
  }

  isLent(buffer: Buffer): boolean {
    return this.#lent.has(buffer);
  }

  /** `free`: nobody reads or writes it any more. One that has grown is not kept. */
  give(buffer: Buffer, free: boolean): void {
    const isLarge = this.#lent.delete(buffer);
    if (!free) return;
    if (isLarge) this.#keptLarge.push(buffer);
    else if (buffer.length === size && this.#kept.length < most) this.#kept.push(buffer);
  }
}
