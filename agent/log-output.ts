/**
 * Where lines go: the standard output, which must neither hold up a call while the process runs nor the process when it ends.
 *
 * A write to a pipe whose reader stands still waits, and nothing takes it back: not even `process.exit`, which joins the thread that
 * writes. So a pipe is opened once more, for us alone, in a way that says EAGAIN in place of waiting; what is not taken waits here, and is
 * tried again by the clock. To set that on the descriptor that we were given would set it for the app of `run --` too, which does not
 * expect it, and node takes it back whenever it starts a child. A file, a terminal and such a pipe are written at once.
 *
 * What cannot be opened again (a socket, a pipe of another user) is written by a thread, beside the loop. Node set it not to wait when
 * main.ts asked for process.stdout, and takes that back when it starts a child: from then on, while nobody reads, the process ends only when
 * somebody reads or the reader goes.
 *
 * A write costs more than the making of a line. What one turn of the event loop says is gathered and written when the turn ends, or when
 * `flush` is called: whole lines, and no more than a pipe takes at one go, so that no line of an app that shares it comes between.
 *
 * Not pino's own destination: at the exit it tries a pipe without a reader for ever.
 */
import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import type { Clock } from './system.js';

const MOST_WAITING_BYTES = 1024 * 1024;
const AGAIN_MS = 10;
/** What is no longer is written to a pipe whole or not at all (PIPE_BUF). */
const MOST_AT_ONE_GO = 4096;
const LF = 0x0a;
/** At the exit: a second in all. */
const MOST_PAUSES = 100;

export class LogOutput {
  readonly #fd: number;
  readonly #atOnce: boolean;
  readonly #after: Clock['after'];
  /** What this turn has said; goes behind those that wait. */
  #gathered = '';
  #gatheredBytes = 0;
  #due = false;
  /** In order, whole lines each; of the first a part may be written. */
  readonly #waiting: Buffer[] = [];
  /** The gathered ones too. */
  #waitingBytes = 0;
  #state: 'idle' | 'in_flight' | 'pausing' = 'idle';
  #lost = 0;

  constructor(descriptor: number, after: Clock['after']) {
    const own = withoutWaiting(descriptor);
    this.#fd = own ?? descriptor;
    this.#atOnce = own !== undefined;
    this.#after = after;
    process.on('exit', () => this.#finish());
  }

  /** Lines that were dropped: nobody read the ones before, or they could not be written. */
  get lost(): number {
    return this.#lost;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MOST_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    if (this.#gatheredBytes + bytes > MOST_AT_ONE_GO) this.flush();
    this.#gathered += line;
    this.#gatheredBytes += bytes;
    this.#waitingBytes += bytes;
    if (this.#due) return;
    this.#due = true;
    setImmediate(this.#turnEnds);
  }

  /** Writes what was gathered, as far as it is taken. */
  flush(): void {
    this.#gatherNoMore();
    if (this.#state === 'idle') this.#go();
  }

  readonly #turnEnds = (): void => {
    this.#due = false;
    this.flush();
  };

  #gatherNoMore(): void {
    if (this.#gatheredBytes === 0) return;
    this.#waiting.push(Buffer.from(this.#gathered));
    this.#gathered = '';
    this.#gatheredBytes = 0;
  }

  #go(): void {
    this.#state = 'idle';
    while (this.#waiting.length > 0) {
      if (!this.#atOnce) return this.#goBeside(this.#waiting[0]!);
      const error = this.#tryFirst();
      if (error !== undefined && !this.#goesOnAfter(error)) return;
    }
  }

  #goBeside(first: Buffer): void {
    this.#state = 'in_flight';
    write(this.#fd, first, (error, written) => {
      if (error === null) this.#taken(written);
      if (error === null || this.#goesOnAfter(error)) this.#go();
    });
  }

  #tryFirst(): NodeJS.ErrnoException | undefined {
    try {
      this.#taken(writeSync(this.#fd, this.#waiting[0]!));
      return undefined;
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
  }

  #taken(bytes: number): void {
    const first = this.#waiting[0]!;
    this.#waitingBytes -= bytes;
    if (bytes === first.length) this.#waiting.shift();
    else this.#waiting[0] = first.subarray(bytes);
  }

  /** A full disk or a closed pipe costs the lines and is no reason to end: nobody is left to tell, and the calls go on. */
  #goesOnAfter(error: NodeJS.ErrnoException): boolean {
    if (isFull(error)) {
      this.#state = 'pausing';
      this.#after(AGAIN_MS, () => this.#go());
      return false;
    }
    for (const byte of this.#waiting[0]!) if (byte === LF) this.#lost++;
    this.#taken(this.#waiting[0]!.length);
    return true;
  }

  /** No callback runs any more. Of what is in flight nobody hears whether it was written; it is not written twice. */
  #finish(): void {
    this.#gatherNoMore();
    if (this.#state === 'in_flight') this.#taken(this.#waiting[0]!.length);
    for (let pauses = 0; this.#waiting.length > 0 && pauses < MOST_PAUSES;) {
      const error = this.#tryFirst();
      if (error === undefined) continue;
      if (!isFull(error)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
      pauses++;
    }
  }
}

const isFull = ({ code }: NodeJS.ErrnoException): boolean => code === 'EAGAIN' || code === 'EBUSY';

/** A descriptor for the same, to which a write does not wait for a reader; undefined where there can be none. */
function withoutWaiting(descriptor: number): number | undefined {
  try {
    const stat = fstatSync(descriptor);
    if (stat.isFIFO()) return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK);
    if (!stat.isSocket()) return descriptor;
  } catch {
    // nobody reads, another user's pipe, or no Linux
  }
  return undefined;
}
