/**
 * Cuts what a socket gives into frames: four bytes of length, and so many bytes. What is not whole yet is gathered in a buffer that grows
 * with what came, so a length that lies costs no memory, and pieces of one byte cost no more than large ones. Nothing is ever written over a
 * frame that was handed out.
 */
import { ProtocolError, TooLong } from './jute.js';

const HEAD = 4;
const NOTHING = Buffer.alloc(0);

export class Frames {
  readonly #limit: number;
  /** What is between `#at` and `#end` was not handed out yet; behind it there is room for so many bytes. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #room = 0;

  /** `limit`: the longest frame that is taken. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that were not handed out yet. */
  get held(): number {
    return this.#end - this.#at;
  }

  /** What there is of the next one, which is not whole. */
  get begun(): Buffer {
    return this.#bytes.subarray(Math.min(this.#at + HEAD, this.#end), this.#end);
  }

  /** The chunk is not copied: before it is written over, `keep` is to be called. */
  push(chunk: Buffer): void {
    if (this.held === 0) {
      this.#bytes = chunk;
      this.#at = this.#room = 0;
      this.#end = chunk.length;
      return;
    }
    if (chunk.length > this.#room) this.#grow(this.held + chunk.length);
    this.#end += chunk.copy(this.#bytes, this.#end);
    this.#room -= chunk.length;
  }

  /** Whatever is still to be handed out lies in memory of ours from now on. */
  keep(): void {
    if (this.held > 0 && this.#room === 0) this.#grow(this.held);
  }

  /** The next that is whole; undefined until there is more. After a ProtocolError nothing is to be asked any more. */
  next(): Buffer | undefined {
    if (this.held < HEAD) return undefined;
    const size = this.#bytes.readInt32BE(this.#at);
    if (size < 0 || size > this.#limit) throw refused(size, this.#limit);
    if (this.held < HEAD + size) return undefined;
    const from = this.#at + HEAD;
    this.#at = from + size;
    return this.#bytes.subarray(from, this.#at);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafe(2 * size);
    this.#end = this.#bytes.copy(larger, 0, this.#at, this.#end);
    this.#at = 0;
    this.#room = larger.length - this.#end;
    this.#bytes = larger;
  }
}

function refused(size: number, limit: number): ProtocolError {
  const told = `sent a packet of ${size} bytes by its own word, and ${limit} are the most`;
  return size < 0 ? new ProtocolError(told) : new TooLong(told, limit);
}
