/**
 * One direction of a tunnel: what one socket reads is written to the other as it came, and its end is passed on. A side that does not take
 * what is written to it holds the reading of the other up. It does what `pipe` does without the events of the stream between the two
 * (tap.ts), and holds up only for bytes that have not left: `pipe` pauses, and goes on a moment later, for each piece that is larger than
 * the stream's high-water mark, wherever its bytes are.
 */
import type { Socket } from 'node:net';
import { giveBack } from './give-back.js';
import { tap } from './tap.js';

/** Messages up to this leave together with those of other tunnels, as answers do (fast/outbox.ts). */
const mostWaiting = 16 * 1024;

export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #passing: (bytes: Buffer) => void;
  readonly #untap: () => void;
  #held = false;
  /** Leaves when this turn of the event loop ends. */
  #waiting: Buffer | undefined;

  /** `passing` sees the bytes before they go. */
  constructor(from: Socket, to: Socket, passing: (bytes: Buffer) => void) {
    this.#from = from;
    this.#to = to;
    this.#passing = passing;
    // where `from` was ended by us, each read is the last of its turn, and that goes by the stream (reset.ts)
    this.#untap = tap(from, this.#take, () => !this.#held && !from.writableEnded);
    from.once('end', this.#end);
    from.once('close', this.#turnEnds); // before a break is passed on
    to.on('drain', this.#drain);
    if (from.readableEnded) this.#end();
    else from.resume();
  }

  /** Nothing is passed on any more, and nobody is told of an end. */
  stop(): void {
    this.#turnEnds();
    this.#untap();
    this.#from.off('end', this.#end);
    this.#to.off('drain', this.#drain);
  }

  readonly #take = (bytes: Buffer): void => {
    this.#passing(bytes);
    if (bytes.length > mostWaiting || this.#waiting !== undefined || this.#to.writableLength > 0) return this.#write(bytes);
    this.#waiting = bytes;
    setImmediate(this.#turnEnds);
  };

  readonly #turnEnds = (): void => {
    const bytes = this.#waiting;
    if (bytes === undefined) return;
    this.#waiting = undefined;
    this.#write(bytes);
  };

  #write(bytes: Buffer): void {
    this.#turnEnds(); // what waits goes first
    const more = this.#to.write(bytes);
    if (this.#to.writableLength === 0) return giveBack(bytes);
    if (more || this.#held) return;
    this.#held = true;
    this.#from.pause();
  }

  readonly #drain = (): void => {
    if (!this.#held) return;
    this.#held = false;
    this.#from.resume();
  };

  readonly #end = (): void => {
    this.#turnEnds();
    this.#to.end();
  };
}
