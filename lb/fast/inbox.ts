/**
 * What one turn of the event loop has read, worked on together at its end. Each read leaves the caches of the processor to the kernel and to
 * node; of messages that are worked on one behind the other, the first finds our code gone from there, and the others find it.
 *
 *     read   read   read   …   the turn ends ─▶ answers: work, work   requests: work, work ─▶ the outbox leaves
 *
 * Where turns bring one message each there is little to wait for, and a message is worked on at once. Not a request that is lost if the
 * connection over which it leaves breaks: it waits for what else this turn reads, which may be the end of that connection.
 *
 * All connections to endpoints read into one place, and a small message is taken from there to where it is worked on, and from where it
 * leaves: a connection needs no memory of its own for it.
 */
import type { Outbox, Sender } from './outbox.js';
import { Piece } from './piece.js';
import { room } from './rewrite.js';
import type { TurnClock } from './turn-clock.js';

/** Who has read something that waits for the end of the turn. */
export interface Reader {
  work(): void;
}

/** A read may bring so much: an answer of 64 KiB comes with its head in one. */
export const readBytes = 68 * 1024;
/** The largest message that finds its place here. */
export const mostTogether = 16 * 1024;
const size = 64 * 1024;
/** So many messages a turn, or less, and they wait for no end of a turn. */
const fewATurn = 1.5;
/** One of so many does even then, to see how many its turn brings. */
const lookEvery = 8;
/** How much of what is known of earlier turns the last one replaces. */
const share = 1 / 8;

/** Those that wait; the list keeps its length, since to cut a list costs more than to fill it. */
class Waiting {
  count = 0;
  readonly #readers: (Reader | undefined)[] = [];

  add(reader: Reader): void {
    this.#readers[this.count++] = reader;
  }

  work(): void {
    for (let index = 0; index < this.count; index++) {
      const reader = this.#readers[index]!;
      this.#readers[index] = undefined;
      reader.work();
    }
    this.count = 0;
  }
}

export class Inbox {
  /** Where reads land, one after the other: what one brings has to be taken before the next. */
  readonly landing = Buffer.allocUnsafeSlow(readBytes);
  readonly #landingMemory = this.landing.buffer;
  /** What was taken from there, each message behind some room. */
  bytes = Buffer.allocUnsafeSlow(size);
  #memory = this.bytes.buffer;
  readonly #outbox: Outbox;
  readonly #clock: TurnClock;
  #used = 0;
  readonly #answers = new Waiting();
  readonly #requests = new Waiting();
  #due = false;
  /** So many waited for the end of a turn, of late. */
  #aTurn = 2;
  #untilLook = lookEvery;
  #afterwards: (() => void) | undefined;

  constructor(outbox: Outbox, clock: TurnClock) {
    this.#outbox = outbox;
    this.#clock = clock;
  }

  /** It is asked to work when the turn ends, or at once if it need not wait and there is little to wait for. */
  addRequest(reader: Reader, mustWait: boolean): void {
    this.#add(this.#requests, reader, mustWait);
  }

  addAnswer(reader: Reader): void {
    this.#add(this.#answers, reader, false);
  }

  #add(waiting: Waiting, reader: Reader, mustWait: boolean): void {
    waiting.add(reader);
    if (mustWait || this.#due || this.#aTurn > fewATurn || --this.#untilLook === 0) this.#end();
    else this.#work();
  }

  /** Runs once what has come by now was read and worked on. One at a time. */
  afterwards(run: () => void): void {
    this.#afterwards = run;
    this.#end();
  }

  /** Takes over what was read into `from`. Where that begins now in `bytes`; it stays there until what was posted has left. */
  take(from: Buffer, count: number): number {
    if (this.#used + room + count > size) this.#work();
    const at = this.#used + room;
    if (from === this.landing) this.bytes.set(new Piece(this.#landingMemory, 0, count), at);
    else from.copy(this.bytes, at, 0, count);
    this.#used = at + count;
    return at;
  }

  /** A small message leaves when the turn ends: from here, or copied. It lies in `bytes` between `from` and `to`. */
  post(sender: Sender, bytes: Buffer, from: number, to: number): true {
    if (bytes === this.bytes) this.#outbox.post(sender, new Piece(this.#memory, from, to - from));
    else this.#outbox.copy(sender, bytes.subarray(from, to));
    return true;
  }

  /** It has not left yet. If it lies here, it takes all of this along: here is another. */
  taken(message: Uint8Array | string): void {
    if (typeof message === 'string' || message.buffer !== this.#memory) return;
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#memory = this.bytes.buffer;
    this.#used = 0;
  }

  /** The turn does, soon. */
  #end(): void {
    if (this.#due) return;
    this.#due = true;
    setImmediate(this.#turnEnds);
  }

  readonly #turnEnds = (): void => {
    this.#due = false;
    this.#untilLook = lookEvery;
    this.#aTurn += (this.#answers.count + this.#requests.count - this.#aTurn) * share;
    this.#work();
    const run = this.#afterwards;
    this.#afterwards = undefined;
    run?.();
  };

  #work(): void {
    this.#clock.hold();
    this.#outbox.open();
    this.#answers.work(); // first, since they set connections free; one kind after the other, since the code of both is much at once
    this.#requests.work();
    this.#clock.release();
    this.#outbox.close();
    this.#used = 0;
  }
}
