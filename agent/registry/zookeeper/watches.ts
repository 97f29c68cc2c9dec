/**
 * Who waits for a change of which node. One watch is armed at the server for each path and kind, however many wait for it, and armed
 * again only after it has fired: each arming leaks a little memory in the native client, and after a reconnect it sends all watched
 * paths in one packet, which a server refuses above 1 MB, for ever. So the bytes of the paths are counted too.
 *
 * Knows no servers: it is told what fired, and answers whether something must be armed.
 */
export type Kind = 'node' | 'children';

/** What a caller has in hand: `void` means that the watch was not armed after all, so nobody will call. */
export interface Hold {
  state: 'held' | 'fired' | 'void';
  readonly onChange: () => void;
}

export interface Joined {
  readonly hold: Hold;
  /** The caller must arm it at the server so that `fire` is called, or say `failed`. */
  readonly mustArm: boolean;
  /** False: the same `onChange` waited there before. */
  readonly isNew: boolean;
}

/** Each path costs four bytes more in that packet. */
const PER_PATH = 4;
/** On one path: far above what a pod can have there. */
const MOST_HOLDS = 1_024;

export class Watches {
  readonly #armed = new Map<string, Map<() => void, Hold>>();
  readonly #limitBytes: number;
  readonly #onFull: (path: string) => void;
  #bytes = 0;

  /** `onFull` is told of each path that is not watched because a bound is reached. */
  constructor(limitBytes: number, onFull: (path: string) => void) {
    this.#limitBytes = limitBytes;
    this.#onFull = onFull;
  }

  /** Watches that are armed at the server. */
  get size(): number {
    return this.#armed.size;
  }

  /** The same `onChange` waits once for one watch. Undefined: a bound is reached, and nobody waits. */
  join(kind: Kind, path: string, onChange: () => void): Joined | undefined {
    const name = key(kind, path);
    const holds = this.#armed.get(name);
    const known = holds?.get(onChange);
    if (known) return { hold: known, mustArm: false, isNew: false };
    if (holds ? holds.size >= MOST_HOLDS : this.#bytes + cost(path) > this.#limitBytes) {
      this.#onFull(path);
      return undefined;
    }
    const hold: Hold = { state: 'held', onChange };
    if (holds) holds.set(onChange, hold);
    else {
      this.#armed.set(name, new Map([[onChange, hold]]));
      this.#bytes += cost(path);
    }
    return { hold, mustArm: !holds, isNew: true };
  }

  /** He is not to be called. The watch stays armed at the server. */
  leave(kind: Kind, path: string, { onChange }: Hold): void {
    this.#armed.get(key(kind, path))?.delete(onChange);
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

  /** The session that held the watches is over: nothing is armed any more. Answers with all who waited. */
  takeAll(): readonly (() => void)[] {
    const all = [...this.#armed.values()].flatMap((holds) => [...holds.keys()]);
    this.#armed.clear();
    this.#bytes = 0;
    return all;
  }

  #take(kind: Kind, path: string): readonly Hold[] {
    const holds = this.#armed.get(key(kind, path));
    if (!holds) return [];
    this.#armed.delete(key(kind, path));
    this.#bytes -= cost(path);
    return [...holds.values()];
  }
}

const key = (kind: Kind, path: string): string => `${kind} ${path}`;
const cost = (path: string): number => Buffer.byteLength(path) + PER_PATH;
