/**
 * What the native client leaves behind when it closes a socket: it takes the number out of the event loop only when its timer rings, up to a third
 * of the session later. Who has that number by then, the connection of a call for one, would never be woken again. So each number is filled
 * at once, in the turn in which its socket is closed, until the client has moved on.
 *
 * Its sockets are known by what they lack, the mark to be closed in children. Linux only: elsewhere nothing is found, and nothing done.
 */
import { closeSync, openSync } from 'node:fs';
import { straySockets } from '../../inherited.js';

/** Can be waited for, unlike /dev/null: the event loop aborts the process when it is told, a moment late, to wait for what cannot. */
const FILLER = '/dev/random';

export class NativeNumbers {
  /** By number, the sockets that may be the client's, when we last looked. */
  #seen = straySockets();
  /** Sockets of other clients in this process: there when ours had none. */
  #others = new Set(this.#seen.values());
  readonly #filled = new Set<number>();

  /** Whether an attempt to connect is as old as the last question. */
  get isAttemptOld(): boolean {
    const before = new Set(this.#seen.values());
    this.#seen = straySockets();
    return [...this.#seen.values()].some((socket) => before.has(socket) && !this.#others.has(socket));
  }

  /** To be called while its socket is open. */
  look(): void {
    this.#seen = straySockets();
  }

  /** To be called at once when it has closed its socket: nobody has opened another since. */
  closed(): void {
    const now = straySockets();
    for (const number of this.#seen.keys()) if (!now.has(number)) this.#fill(number);
    this.#seen = now;
    this.#others = new Set(now.values());
  }

  /** To be called when it holds no number any more but that of an open socket. */
  free(): void {
    for (const number of this.#filled) closeSync(number);
    this.#filled.clear();
  }

  /** The system gives the lowest free number each time. One that is taken already, by a client that others closed, is left alone. */
  #fill(number: number): void {
    const spare: number[] = [];
    try {
      let got: number;
      while ((got = openSync(FILLER, 'r')) < number) spare.push(got);
      if (got === number) this.#filled.add(got);
      else spare.push(got);
    } catch {
      // no number is left in this process: then nobody gets this one either
    }
    for (const one of spare) closeSync(one);
  }
}
