/**
 * What the native client leaves behind when it closes a socket: it takes the number out of the event loop only when its timer rings, up to a third
 * of the session later. Who has that number by then, the connection of a call for one, would never be woken again. So each number is filled
 * at once, in the turn in which its socket is closed, until the client has moved on.
 *
 * Its sockets are known by what they lack, the mark to be closed in children; of thousands to look at, a few at a time. Whose of several clients
 * one is cannot be seen: it belongs to who has just connected, if to nobody yet, and its number is kept until all have moved on that may have
 * closed it. Linux only: elsewhere nothing is found, and nothing done.
 */
import { closeSync, openSync } from 'node:fs';
import { isInherited, openNumbers, socketAt } from '../../inherited.js';
import type { Clock } from '../../system.js';
import { Turns, whole } from '../wire/turns.js';
import type { Pieces } from '../wire/turns.js';

/** Can be waited for, unlike /dev/null: the event loop aborts the process when it is told, a moment late, to wait for what cannot. */
const FILLER = '/dev/random';
/** Who was seen by so many looks, and is still there when the next is due, is as old as they are apart together. */
const OLD = 2;

const clients = new Set<NativeNumbers>();
/** By number that is filled, those who may still wait for it. */
const filled = new Map<number, Set<NativeNumbers>>();

interface Seen {
  readonly socket: string;
  readonly times: number;
}

export class NativeNumbers {
  readonly #turns: Turns;
  /** By number, the sockets that may be the client's, as of the last look. */
  #seen: ReadonlyMap<number, Seen> = new Map();
  /** Of them, while it is connected, those of which one is its own; the others may be what another client was trying by then. */
  #own: readonly (readonly [number: number, socket: string])[] = [];
  /** Those that surely are not, which a look need not ask about again. */
  #marked: ReadonlySet<string> = new Set();
  #looking: Pieces | undefined;
  readonly #isConnected: () => boolean;

  /** `isConnected`: it waits for an open socket, and for no other. */
  constructor(clock: Clock, isConnected: () => boolean) {
    this.#turns = new Turns(clock);
    this.#isConnected = isConnected;
    clients.add(this);
  }

  /** To be called while its socket is open. */
  look(): void {
    this.#looking?.return();
    this.#own = [];
    this.#looking = this.#look();
    this.#turns.run(this.#looking);
  }

  /** The same in one go, for when there is no time. */
  lookNow(): void {
    this.#looking?.return();
    whole(this.#look());
  }

  *#look(): Pieces {
    const [seen, marked] = [new Map<number, Seen>(), new Set<string>()];
    for (const number of openNumbers()) {
      const socket = socketAt(number);
      if (socket === undefined) continue;
      if (this.#marked.has(socket) || !isInherited(number)) marked.add(socket);
      else seen.set(number, { socket, times: this.#timesSeen(number, socket) + 1 });
      yield;
    }
    this.#seen = seen;
    this.#marked = marked;
    if (!this.#isConnected()) return;
    const others = this.#others();
    this.#own = [...seen].flatMap(([number, { socket }]) => (others.has(socket) ? [] : [[number, socket] as const]));
  }

  /** What surely is another client's: sockets that as many may have as there are of them, since each that is connected has one. */
  #others(): ReadonlySet<string> {
    const each = [...clients].filter((one) => one !== this && one.#isConnected()).map((one) => one.#open());
    const among = (all: readonly string[]): number =>
      each.filter((some) => some.length > 0 && some.every((one) => all.includes(one))).length;
    return new Set(each.filter((all) => all.length === among(all)).flat());
  }

  #open(): readonly string[] {
    return this.#own.flatMap(([number, socket]) => (socketAt(number) === socket ? [socket] : []));
  }

  #timesSeen(number: number, socket: string): number {
    const before = this.#seen.get(number);
    return before?.socket === socket ? before.times : 0;
  }

  /** An attempt to connect is at least as old as two looks. */
  get isAttemptOld(): boolean {
    const others = this.#others();
    return [...this.#seen].some(
      ([number, { socket, times }]) => times >= OLD && !others.has(socket) && socketAt(number) === socket,
    );
  }

  /** To be called at once when it may have closed its socket: nobody has opened another since. */
  closed(): void {
    if (!clients.has(this)) return; // what it would fill, nobody would free
    for (const number of this.#seen.keys()) if (!filled.has(number) && socketAt(number) === undefined) this.#fill(number);
  }

  /** To be called when it waits for no number any more but that of an open socket. */
  free(): void {
    for (const [number, waiting] of filled) {
      waiting.delete(this);
      if (waiting.size > 0) continue;
      closeSync(number);
      filled.delete(number);
    }
  }

  /** To be called when it waits for none at all, and never will again. */
  end(): void {
    this.#looking?.return();
    clients.delete(this);
    this.free();
  }

  /** The system gives the lowest free number each time. One that has been given to somebody already is left alone. */
  #fill(number: number): void {
    const spare: number[] = [];
    try {
      let got: number;
      while ((got = openSync(FILLER, 'r')) < number) spare.push(got);
      if (got === number) filled.set(got, new Set([...clients].filter((one) => one === this || !one.#isConnected())));
      else spare.push(got);
    } catch {
      // no number is left in this process, and then nobody gets this one either; or it may not open that
    }
    for (const one of spare) closeSync(one);
  }
}
