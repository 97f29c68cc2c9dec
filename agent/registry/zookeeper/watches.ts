/**
 * Who waits for a change of which node. One watch is armed for each path and kind, however many wait for it, and armed again only after it
 * has fired: each arming leaks a little memory in the native client, and after a reconnect that sends all watched paths in one packet,
 * which a server refuses above 1 MB, for ever. So the bytes of the paths are counted too. A path costs little here, since there may be
 * 100,000 of them: an entry of a map, and a link of a chain for each who waits.
 *
 * Knows no servers: it is told what fired, and answers whether something must be armed.
 */
import type { OnChild } from '../tree.js';

export type Kind = 'node' | 'children';

/** What a caller has in hand: `void` means that the watch was not armed after all, so nobody will call. */
export interface Hold {
  state: 'held' | 'fired' | 'void';
  readonly onChange: () => void;
  /** Of children, in place of it where it is known which one. */
  readonly onChild: OnChild | undefined;
  /** Who else waits for the same. */
  next: Hold | undefined;
}

export interface Joined {
  readonly hold: Hold;
  /** The caller must arm it at the server so that `fire` is called, or say `failed`. */
  readonly mustArm: boolean;
  /** False: the same `onChange` waited there before. */
  readonly isNew: boolean;
}

type Armed = Readonly<Record<Kind, Map<string, Hold | undefined>>>;

/** Each path costs four bytes more in that packet. */
const PER_PATH = 4;
/** On one path: far above what a pod can have there. */
const MOST_HOLDS = 1_024;

export class Watches {
  /** A path without a hold is armed, and nobody waits for it any more. */
  #armed: Armed = noneArmed();
  readonly #limitBytes: number;
  readonly #onFull: (path: string) => void;
  #bytes = 0;

  /** `onFull` is told of each path that is not watched because a bound is reached. */
  constructor(limitBytes: number, onFull: (path: string) => void) {
    this.#limitBytes = limitBytes;
    this.#onFull = onFull;
  }

  /** Watches that are armed. */
  get size(): number {
    return this.#armed.node.size + this.#armed.children.size;
  }

  /** The same `onChange` waits once for one watch. Undefined: a bound is reached, and nobody waits. */
  join(kind: Kind, path: string, onChange: () => void, onChild?: OnChild): Joined | undefined {
    const isArmed = this.#armed[kind].has(path);
    const first = this.#armed[kind].get(path);
    let count = 0;
    for (const hold of chain(first)) {
      if (hold.onChange === onChange) return { hold, mustArm: false, isNew: false };
      count++;
    }
    if (isArmed ? count >= MOST_HOLDS : this.#bytes + cost(path) > this.#limitBytes) {
      this.#onFull(path);
      return undefined;
    }
    const hold: Hold = { state: 'held', onChange, onChild, next: first };
    this.#armed[kind].set(path, hold);
    if (!isArmed) this.#bytes += cost(path);
    return { hold, mustArm: !isArmed, isNew: true };
  }

  /** He is not to be called. The watch stays armed at the server. */
  leave(kind: Kind, path: string, hold: Hold): void {
    const first = this.#armed[kind].get(path);
    if (first === hold) this.#armed[kind].set(path, hold.next);
    else for (const other of chain(first)) if (other.next === hold) other.next = hold.next;
  }

  /** A child came or went. Whoever can do with that waits on; the others are called as for any change. True: somebody waits on. */
  tell(path: string, name: string, isThere: boolean): boolean {
    for (const hold of [...chain(this.#armed.children.get(path))].reverse()) {
      if (hold.onChild?.(name, isThere) === true) continue;
      this.leave('children', path, hold);
      hold.state = 'fired';
      if (!hold.onChild) hold.onChange();
    }
    if (this.#armed.children.get(path)) return true;
    this.#take('children', path);
    return false;
  }

  fire(kind: Kind, path: string): void {
    for (const hold of this.#take(kind, path)) {
      hold.state = 'fired';
      hold.onChange();
    }
  }

  /** It was not armed: those who joined meanwhile must see to it themselves. */
  failed(kind: Kind, path: string): void {
    for (const hold of this.#take(kind, path)) hold.state = 'void';
  }

  /** The session that held the watches is over: nothing is armed any more. Answers with all who waited, one after the other. */
  takeAll(): Iterable<() => void> {
    const armed = this.#armed;
    this.#armed = noneArmed();
    this.#bytes = 0;
    return waitingFor(armed);
  }

  /** In the order in which they came. */
  #take(kind: Kind, path: string): readonly Hold[] {
    const first = this.#armed[kind].get(path);
    if (!this.#armed[kind].delete(path)) return [];
    this.#bytes -= cost(path);
    return [...chain(first)].reverse();
  }
}

function* chain(first: Hold | undefined): Generator<Hold> {
  for (let hold = first; hold; hold = hold.next) yield hold;
}

function* waitingFor(armed: Armed): Generator<() => void> {
  for (const paths of Object.values(armed)) {
    for (const first of paths.values()) for (const { onChange } of chain(first)) yield onChange;
  }
}

const noneArmed = (): Armed => ({ node: new Map(), children: new Map() });
const cost = (path: string): number => Buffer.byteLength(path) + PER_PATH;
