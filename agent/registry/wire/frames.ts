/**
 * Cuts what a socket gives into frames: four bytes of length, and so many bytes. What is not whole yet is gathered in a buffer that grows
 * with what came, so a length that lies costs no memory, and pieces of one byte cost no more than large ones.
 */
import { ProtocolError, TooLong } from './jute.js';

const HEAD = 4;
const NOTHING = Buffer.alloc(0);

export class Frames {
  readonly #limit: number;
  #kept: Buffer = NOTHING;
  #held = 0;
  /** So many bytes must be there before there is something to do: a head, or a whole frame with its head. */
  #wanted = HEAD;

  /** `limit`: the longest frame that is taken. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of a frame that is not whole yet. */
  get held(): number {
    return this.#held;
  }

  /** Calls `onFrame` for each that is whole now. After a ProtocolError no more is to be pushed. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    if (this.#held + chunk.length < this.#wanted) return this.#keep(chunk);
    const bytes = this.#held === 0 ? chunk : this.#takeWith(chunk);
    let at = 0;
    this.#wanted = HEAD;
    while (bytes.length - at >= HEAD) {
      const size = bytes.readInt32BE(at);
      if (size < 0 || size > this.#limit) throw refused(size, this.#limit);
      if (bytes.length - at < HEAD + size) {
        this.#wanted = HEAD + size;
        break;
      }
      onFrame(bytes.subarray(at + HEAD, at + HEAD + size));
      at += HEAD + size;
    }
    this.#keep(bytes.subarray(at));
  }

  #takeWith(chunk: Buffer): Buffer {
    this.#keep(chunk);
    const bytes = this.#kept.subarray(0, this.#held);
    this.#kept = NOTHING;
    this.#held = 0;
    return bytes;
  }

  #keep(piece: Buffer): void {
    const held = this.#held + piece.length;
    if (held > this.#kept.length) {
      const larger = Buffer.allocUnsafe(2 * held);
      this.#kept.copy(larger, 0, 0, this.#held);
      this.#kept = larger;
    }
    piece.copy(this.#kept, this.#held);
    this.#held = held;
  }
}

function refused(size: number, limit: number): ProtocolError {
  const told = `sent a packet of ${size} bytes by its own word, and ${limit} are the most`;
  return size < 0 ? new ProtocolError(told) : new TooLong(told, limit);
}
