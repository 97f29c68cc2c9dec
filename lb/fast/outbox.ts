/**
 * What one turn of the event loop has to say, said together at its end. A write wakes whoever it is for; of writes that follow each other
 * at once the first one does, and the others find it awake. That is a third of what a call costs.
 *
 *     read ─▶ put together, post   read ─▶ put together, post   …   the turn ends ─▶ write, write, …
 *
 * For small messages, which are put together here, or copied. Whatever has to leave another way comes after `flush`, so that the order on
 * each socket stays as it was asked for.
 */
import type { Socket } from 'node:net';
import { Piece } from './piece.js';
import { room } from './rewrite.js';

/** Whose message it is. */
export interface Sender {
  readonly socket: Socket;
  /** It has a message here, and nothing of it has left. */
  waits: boolean;
  /** It was written, and has not left yet. */
  stuck(message: Uint8Array): void;
}

/** The largest message that finds its place here. */
export const mostBytes = 64 * 1024;

export class Outbox {
  /** Where messages are put together. */
  bytes = Outbox.#make();
  #memory = this.bytes.buffer;
  #used = 0;
  /** So many messages wait; the lists keep their length, since to cut a list costs more than to fill it. */
  #count = 0;
  readonly #senders: (Sender | undefined)[] = [];
  readonly #messages: (Uint8Array | undefined)[] = [];
  #due = false;

  /** Where the next message is to begin in `bytes`, which have so much place for it, and room before it. */
  place(count: number): number {
    if (this.#used + room + count > this.bytes.length) this.flush();
    return this.#used + room;
  }

  /** What lies there between `from` and `to` leaves when this turn ends. */
  postPlaced(sender: Sender, from: number, to: number): void {
    this.#used = to;
    this.post(sender, new Piece(this.#memory, from, to - from));
  }

  /** The same for bytes that lie somewhere else, and stay there that long. */
  post(sender: Sender, message: Uint8Array): void {
    const place = this.#count++;
    sender.waits = true;
    this.#senders[place] = sender;
    this.#messages[place] = message;
    if (this.#due) return;
    this.#due = true;
    setImmediate(this.#turnEnds);
  }

  /** And for bytes that may not stay. */
  copy(sender: Sender, bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.bytes.length) this.flush();
    const at = this.#used;
    this.bytes.set(bytes, at);
    this.postPlaced(sender, at, at + bytes.length);
  }

  /** What is posted from here on leaves with `close`. */
  open(): void {
    this.#due = true;
  }

  close(): void {
    this.#due = false;
    this.flush();
  }

  /** All that was posted leaves now. */
  flush(): void {
    if (this.#count === 0) return;
    let left = true;
    for (let index = 0; index < this.#count; index++) {
      const sender = this.#senders[index]!;
      const { socket } = sender;
      const message = this.#messages[index]!;
      this.#senders[index] = undefined;
      this.#messages[index] = undefined;
      sender.waits = false;
      if (socket.destroyed) continue;
      socket.write(message);
      if (socket.writableLength === 0) continue;
      left = false;
      sender.stuck(message);
    }
    this.#count = 0;
    this.#used = 0;
    if (!left) this.taken();
  }

  /** What lies in it has not left yet, and takes it along: here is another. */
  taken(): void {
    this.bytes = Outbox.#make();
    this.#memory = this.bytes.buffer;
  }

  readonly #turnEnds = (): void => this.close();

  static #make(): Buffer<ArrayBuffer> {
    return Buffer.allocUnsafeSlow(room + mostBytes);
  }
}
