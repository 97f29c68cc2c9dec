/**
 * Where the bytes of one connection land. A small message is taken over by the inbox, and waits there for the end of the turn. What is large, or
 * has to wait for more, lies in a buffer of its own, which it keeps until the connection closes.
 */
import { mostTogether, type Inbox, type Reader } from './inbox.js';
import { room } from './rewrite.js';
import type { SpareBuffers } from './spare-buffers.js';

/** Who is told of what has landed. */
export interface Receiver {
  /** It lies in `bytes`. False: no more is read for now. */
  received(from: number, to: number): boolean;
  /** No more is read for now. */
  pause(): void;
}

export class Landing implements Reader {
  /** What was read lies in here, behind some room. */
  bytes: Buffer;
  readonly #receiver: Receiver;
  readonly #inbox: Inbox;
  readonly #spare: SpareBuffers;
  /** Where the next read lands. */
  #view: Buffer;
  /** And where that is in `own`; 0: somewhere else. */
  #at = 0;
  #own: Buffer | undefined;
  /** Of what lies in its own something may still be on its way. */
  #needed = false;
  /** In its own something is held up to here, and what comes next belongs behind it; 0: nothing. */
  #held = 0;
  /** What waits in `bytes` for the end of the turn. */
  #from = 0;
  #to = 0;
  /** The present message is too large for the inbox. */
  #large = false;

  constructor(receiver: Receiver, inbox: Inbox, spare: SpareBuffers) {
    this.#receiver = receiver;
    this.#inbox = inbox;
    this.#spare = spare;
    this.#view = inbox.landing;
    this.bytes = inbox.bytes;
  }

  /** Asked by the socket before it connects and after each read. */
  readonly buffer = (): Uint8Array => {
    if (this.#own !== undefined && !this.#needed && this.#spare.isLent(this.#own)) this.#giveBack(true);
    const own = this.#to > 0 ? undefined : this.#own; // what waits there is not to be read over
    const at = own === undefined ? 0 : this.#held || room;
    if (own === undefined) this.#view = this.#inbox.landing;
    else if (at !== this.#at) this.#view = own.subarray(at);
    this.#at = at;
    return this.#view;
  };

  /** So much has landed. False: no more is to be read. */
  read(count: number): boolean {
    if (this.#to > 0) return this.#readBehind(count);
    if (this.#large || this.#held > 0 || count > mostTogether) return this.#readAlone(count);
    this.#from = this.#inbox.take(this.#view, count);
    this.#to = this.#from + count;
    this.bytes = this.#inbox.bytes;
    this.#inbox.addAnswer(this);
    return true;
  }

  /** What waits is received now. */
  work(): void {
    const to = this.#to;
    this.#to = 0;
    if (to > 0 && !this.#receiver.received(this.#from, to)) this.#receiver.pause();
  }

  /** The bytes before `to` stay as they are, and the next read lands behind them. */
  hold(to: number): void {
    this.#keep(to, to + 1);
    this.#held = to;
  }

  /** All that has landed was used, and has left. */
  used(): void {
    this.#needed = false;
    this.#large = false;
    this.#held = 0;
  }

  /** Nothing lands any more, and what waits is not wanted. */
  close(): void {
    this.#to = 0;
    this.#giveBack(!this.#needed);
  }

  #giveBack(free: boolean): void {
    if (this.#own !== undefined) this.#spare.give(this.#own, free);
    this.#own = undefined;
  }

  /** More of what waits already. */
  #readBehind(count: number): true {
    this.#keep(this.#to, this.#to + count);
    this.bytes.set(this.#view.subarray(0, count), this.#to);
    this.#to += count;
    return true;
  }

  #readAlone(count: number): boolean {
    const at = this.#held || room;
    this.#keep(this.#held, at + count);
    this.#held = 0;
    this.#large = true;
    if (this.#at !== at) this.bytes.set(this.#view.subarray(0, count), at);
    const full = at + count === this.bytes.length;
    const goesOn = this.#receiver.received(at, at + count);
    if (full && goesOn) this.#widen();
    return goesOn;
  }

  /** There is more than fits, and whoever reads keeps up: what is left of the message comes in larger pieces, if there is a buffer for it. */
  #widen(): void {
    if (!this.#needed || this.#held > 0 || this.#spare.isLent(this.bytes)) return; // over, or its head is not whole, or it has one
    const large = this.#spare.borrow();
    if (large === undefined) return;
    this.#giveBack(true);
    this.#own = this.bytes = large;
    this.#at = 0;
  }

  /** What lies before `end` lies in its own buffer from now on, at the same place, and there is room up to `size`. */
  #keep(end: number, size: number): void {
    const before = this.bytes;
    this.#needed = true;
    this.#own ??= this.#spare.take();
    if (size > this.#own.length) {
      this.#giveBack(false);
      this.#own = Buffer.allocUnsafeSlow(2 * size);
    }
    this.bytes = this.#own;
    if (before !== this.#own) this.#own.set(before.subarray(0, end));
  }
}
