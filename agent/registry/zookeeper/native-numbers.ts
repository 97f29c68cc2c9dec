/**
 * What the native client leaves behind when it closes a socket: it takes the number out of the event loop only when its timer rings, up to a third
 * of the session later. Who has that number by then, the connection of a call for one, would never be woken again. So each number is filled
 * at once, in the turn in which its socket is closed, until the client has moved on.
 *
 * Its sockets are known by what they lack, the mark to be closed in children; of thousands to look at, a few at a time. Linux only: elsewhere
 * nothing is found, and nothing done.
 */
import { closeSync, openSync } from 'node:fs';
import { openNumbers, socketAt, straySocket } from '../../inherited.js';
import type { Clock } from '../../system.js';
import { Turns } from '../wire/turns.js';
import type { Pieces } from '../wire/turns.js';

/** Can be waited for, unlike /dev/null: the event loop aborts the process when it is told, a moment late, to wait for what cannot. */
const FILLER = '/dev/random';

export class NativeNumbers {
  readonly #turns: Turns;
  /** By number, the sockets that may be the client's, as of the last look. */
  #seen: ReadonlyMap<number, string> = new Map();
  /** Sockets of other clients in this process: still there when ours was closed. */
  #others = new Set<string>();
  readonly #filled = new Set<number>();

  constructor(clock: Clock) {
    this.#turns = new Turns(clock);
  }

  /** To be called while its socket is open. */
  look(): void {
    this.#turns.run(this.#looking());
  }

  *#looking(): Pieces {
    const seen = new Map<number, string>();
    for (const number of openNumbers()) {
      const socket = straySocket(number);
      if (socket !== undefined) seen.set(number, socket);
      yield;
    }
    this.#seen = seen;
  }

  /** Whether an attempt to connect is as old as the last look. */
  get isAttemptOld(): boolean {
    return [...this.#seen].some(([number, socket]) => !this.#others.has(socket) && socketAt(number) === socket);
  }

  /** To be called at once when it has closed its socket: nobody has opened another since. */
  closed(): void {
    for (const [number, socket] of this.#seen) {
      const now = socketAt(number);
      if (now === socket) this.#others.add(socket);
      else if (now === undefined) this.#fill(number);
    }
    this.#seen = new Map();
  }

  /** To be called when it holds no number any more but that of an open socket. */
  free(): void {
    for (const number of this.#filled) closeSync(number);
    this.#filled.clear();
    this.#others.clear();
  }

  /** The system gives the lowest free number each time. One that has been given to somebody already is left alone. */
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
