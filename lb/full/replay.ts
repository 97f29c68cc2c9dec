/**
 * The body of a request, which may have to be sent again. It streams through at the pace of the endpoint, and its beginning is kept as
 * long as that is all of what was read: up to `limit` bytes a failed attempt can be repeated, beyond that it cannot.
 *
 *     request ──▶ kept ──▶ attempt 1 ✗
 *                   └────▶ attempt 2, from the first byte, then on from the request
 */
import { Readable } from 'node:stream';
import { replayBytes } from '../bounds.js';
import { CallError } from '../errors.js';

export class Replay {
  readonly #source: Readable;
  readonly #moved: () => void;
  readonly #limit: number;
  /** The beginning, as far as it was read; empty once it was too much. */
  #kept: Buffer[] = [];
  /** Of all that was read. */
  #length = 0;
  #replayable = true;
  #ended = false;
  #error: CallError | undefined;
  #copy: Copy | undefined;
  /** How much of `kept` the present copy has been given. */
  #given = 0;

  /** `moved` is told whenever the body moves on, or begins to be waited for. */
  constructor(source: Readable, moved: () => void, limit = replayBytes) {
    this.#source = source;
    this.#moved = moved;
    this.#limit = limit;
    source.on('readable', this.#pump).on('end', this.#end).on('error', this.#fail).on('close', this.#fail);
  }

  /** Nothing that was read is lost: `open` can begin at the first byte. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** So many bytes of it have been read. */
  get length(): number {
    return this.#length;
  }

  /** An attempt wants bytes, and the app has not sent them yet. */
  get waiting(): boolean {
    return !this.#ended && this.#copy?.wanting === true;
  }

  /** The body from its first byte, for one attempt. What was opened before hears no more. Only while `replayable`. */
  open(): Readable {
    if (!this.#replayable) throw new Error('the beginning of this body is gone');
    this.#given = 0;
    this.#copy = new Copy(() => (this.#moved(), this.#pump()));
    this.#copy.on('error', () => undefined); // the attempt hears of it, if there is one
    if (this.#error) this.#copy.destroy(this.#error);
    return this.#copy;
  }

  /** No attempt needs it any more: what the app still sends is thrown away. */
  close(): void {
    this.#copy = undefined;
    this.#kept = [];
    this.#source.off('readable', this.#pump).resume();
  }

  readonly #pump = (): void => {
    while (this.#copy?.wanting) {
      const chunk = this.#kept[this.#given] ?? this.#read();
      if (chunk === null) break;
      if (this.#given < this.#kept.length) this.#given++;
      this.#copy.give(chunk);
    }
    if (this.#ended && this.#copy?.wanting) this.#copy.give(null);
  };

  #read(): Buffer | null {
    const chunk = this.#source.read() as Buffer | null;
    if (chunk === null) return null;
    this.#moved();
    this.#length += chunk.length;
    this.#replayable = this.#length <= this.#limit;
    if (this.#replayable) this.#kept.push(chunk);
    else [this.#kept, this.#given] = [[], 0];
    return chunk;
  }

  /** The rest will not come: what an attempt is sending is broken off. */
  breakOff(why: CallError): void {
    if (this.#ended) return;
    this.#error ??= why;
    this.#copy?.destroy(this.#error);
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#pump();
  };

  readonly #fail = (): void => this.breakOff(new CallError('client_gone', 'the app broke off its request'));
}

/** What one attempt reads. In object mode, or undici would take what lies in its buffer at the start for the length of the whole. */
class Copy extends Readable {
  readonly #more: () => void;
  wanting = false;

  constructor(more: () => void) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#more = more;
  }

  /** null: that was all. */
  give(chunk: Buffer | null): void {
    this.wanting = this.push(chunk);
  }

  override _read(): void {
    this.wanting = true;
    this.#more();
  }

  /** Nothing more is read for an attempt that is over: it is what the next one needs. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.wanting = false;
    done(error);
  }
}
