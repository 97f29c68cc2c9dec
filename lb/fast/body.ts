/**
 * Where the body of an answer ends (RFC 9112, 6.3): with a length, after the last chunk, with the connection, or at once. One object
 * serves all answers of a connection of the app.
 */
import { hasNoBody } from '../framing.js';
import type { AnswerHead } from './answer-head.js';
import { Chunks, type Sink } from './chunks.js';

export type Framing = 'none' | 'length' | 'chunks' | 'until_close';

export class Body {
  framing: Framing = 'none';
  /** Its last byte has been taken. */
  done = true;
  /** Made for the first body in chunks. */
  #chunks: Chunks | undefined;
  readonly #maxTrailerBytes: number;
  #left = 0;

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  /** Why it makes no sense any more; empty: it does. */
  get fault(): string {
    return this.framing === 'chunks' ? this.#chunks!.fault : '';
  }

  begin(method: string, { status, chunked, length }: AnswerHead): void {
    if (hasNoBody(method, status)) this.framing = 'none';
    else if (chunked) this.framing = 'chunks';
    else this.framing = length < 0 ? 'until_close' : 'length';
    this.#left = length;
    this.done = this.framing === 'none' || (this.framing === 'length' && length === 0);
    if (this.framing === 'chunks') (this.#chunks ??= new Chunks(this.#maxTrailerBytes)).begin();
  }

  /** Takes the bytes from `from` to `to`. Where the body ends among them, or `to`. */
  take(bytes: Buffer, from: number, to: number, sink: Sink): number {
    if (this.done || from === to) return from;
    if (this.framing === 'length') {
      const end = Math.min(to, from + this.#left);
      this.#left -= end - from;
      this.done = this.#left === 0;
      sink.pass(from, end);
      return end;
    }
    if (this.framing === 'chunks') {
      const end = this.#chunks!.take(bytes, from, to, sink);
      this.done = this.#chunks!.state === 'done';
      return end;
    }
    // nobody knows where it ends until it does: the app, whose connection goes on, gets it in chunks
    sink.put(`${(to - from).toString(16)}\r\n`);
    sink.pass(from, to);
    sink.put('\r\n');
    return to;
  }

  /** The endpoint has ended its connection. True: that was the end of the body. */
  ended(sink: Sink): boolean {
    if (this.framing !== 'until_close') return false;
    this.done = true;
    sink.put('0\r\n\r\n');
    return true;
  }
}
