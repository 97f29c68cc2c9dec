/**
 * Who waits for a change of which node, in one session. One-shot watches are called once; persistent ones stay. A node below a recursive
 * watch needs no watch at the server: its one-shot watch lives here alone, and costs an entry of a map.
 *
 * Server by server the truth is theirs: after a reconnect all paths are told to the new one, with the last zxid that was seen, and it
 * answers with an event for each that has changed since. Persistent watches have no such memory at the servers, which is why one-shot
 * watches below a recursive one are told too. Recursive ones come last: servers of 3.8.0 let a later one-shot watch undo them.
 */
import { setWatches } from './operations.js';
import type { Operation } from './operations.js';
import type { EventType, WatchMode } from './protocol.js';
import { writeTexts } from './records.js';
import type { Pieces } from './turns.js';

export interface WatchEvent {
  readonly type: EventType;
  readonly path: string;
  /** Of a change of the children: the one that came or went, where a recursive watch has told of it. */
  readonly child?: { readonly name: string; readonly isThere: boolean };
}
export type Listener = (event: WatchEvent) => void;

/** `data` is on a node that is there, `exist` on one that is not. */
export type OneShot = 'data' | 'exist' | 'children';

/** A server takes a megabyte. But it hears whole packets alone, and on a slow line has to hear one before it ends the session. */
const MOST_BYTES = 16 * 1024;
const PER_PATH = 4;
const HEADS = 64;
/** Paths that are looked at in one go. */
const PIECE = 256;

type Lists = readonly [data: string[], exist: string[], children: string[], persistent: string[], recursive: string[]];

export class WatchRegistry {
  readonly #oneShot: Readonly<Record<OneShot, Map<string, Listener | Listener[]>>> = {
    data: new Map(),
    exist: new Map(),
    children: new Map(),
  };
  readonly #lasting: Readonly<Record<WatchMode, Map<string, Listener[]>>> = { persistent: new Map(), recursive: new Map() };

  /** Paths with watches, each counted once for each kind. */
  get size(): number {
    const { data, exist, children } = this.#oneShot;
    return data.size + exist.size + children.size + this.#lasting.persistent.size + this.#lasting.recursive.size;
  }

  has(kind: OneShot | WatchMode, path: string): boolean {
    return kind === 'persistent' || kind === 'recursive' ? this.#lasting[kind].has(path) : this.#oneShot[kind].has(path);
  }

  /** A lasting watch of ours tells of it already. */
  covers(path: string): boolean {
    if (this.#lasting.persistent.has(path)) return true;
    if (this.#lasting.recursive.size === 0) return false;
    for (let at: string | undefined = path; at !== undefined; at = above(at)) if (this.#lasting.recursive.has(at)) return true;
    return false;
  }

  /** The same listener waits once. */
  once(kind: OneShot, path: string, listener: Listener): void {
    const watches = this.#oneShot[kind];
    const known = watches.get(path);
    if (known === undefined) watches.set(path, listener);
    else if (typeof known === 'function') {
      if (known !== listener) watches.set(path, [known, listener]);
    } else if (!known.includes(listener)) known.push(listener);
  }

  add(mode: WatchMode, path: string, listener: Listener): void {
    const known = this.#lasting[mode].get(path) ?? [];
    if (!known.includes(listener)) this.#lasting[mode].set(path, [...known, listener]);
  }

  /** No server watches it any more. One-shot watches that lived on a recursive one have nothing left to live on, and are called. */
  *remove(path: string, call: Call): Pieces<undefined> {
    for (const mode of ['persistent', 'recursive'] as const) this.#lasting[mode].delete(path);
    let count = 0;
    for (const kind of ['data', 'exist', 'children'] as const) {
      for (const at of this.#oneShot[kind].keys()) {
        const isOver = at === path || (isBelow(at, path) && !this.covers(at));
        if (isOver) this.#take(kind, at, { type: 'removed', path: at }, call);
        if (isOver || ++count % PIECE === 0) yield;
      }
    }
    return undefined;
  }

  /** One-shot watches on the path itself that live on a lasting one above it. False: there are none. */
  release(path: string, call: Call): boolean {
    const kinds = (['data', 'exist', 'children'] as const).filter((kind) => this.has(kind, path));
    for (const kind of kinds) this.#take(kind, path, { type: 'removed', path }, call);
    return kinds.length > 0;
  }

  /** The server knows none of their kind. What lived on them stays, to be told to a server by itself. */
  loseLasting(call: Call): void {
    for (const watches of Object.values(this.#lasting)) {
      const lost = [...watches];
      watches.clear();
      for (const [path, listeners] of lost) for (const listener of listeners) call(listener, { type: 'removed', path });
    }
  }

  /**
   * Calls all who are to hear of it. A recursive watch tells of nodes alone, and has taken the place of a persistent one on the same path at the server,
   * so it is here that a list of children changes by it; who waits for
   * that list hears first, and need not ask after a node of which he hears that it is gone.
   */
  fire(event: WatchEvent, call: Call): void {
    const { type, path } = event;
    const parent = above(path);
    const isOfList = this.#lasting.recursive.size > 0 && (type === 'created' || type === 'deleted');
    if (isOfList && parent !== undefined && this.covers(parent)) {
      const child = { name: path.slice(path.lastIndexOf('/') + 1), isThere: type === 'created' };
      const ofList = { type: 'children_changed', path: parent, child } as const;
      this.#take('children', parent, ofList, call);
      if (this.#lasting.recursive.has(parent))
        for (const listener of this.#lasting.persistent.get(parent) ?? []) call(listener, ofList);
    }
    if (type === 'children_changed') this.#take('children', path, event, call);
    else {
      this.#take('data', path, event, call);
      this.#take('exist', path, event, call);
      if (type === 'deleted') this.#take('children', path, event, call);
    }
    // of a list he has heard by its recursive watch, which servers before 3.9 have in place of his
    const hasHeard = type === 'children_changed' && this.#lasting.recursive.has(path);
    if (!hasHeard) for (const listener of this.#lasting.persistent.get(path) ?? []) call(listener, event);
    if (this.#lasting.recursive.size === 0 || type === 'children_changed') return;
    for (let at: string | undefined = path; at !== undefined; at = above(at)) {
      for (const listener of this.#lasting.recursive.get(at) ?? []) call(listener, event);
    }
  }

  /** What a server must be told so that nothing since then is missed, in parts that it takes, each with the kinds it needs. */
  *parts(zxid: bigint): Generator<Operation<undefined>> {
    let lists: Lists = [[], [], [], [], []];
    let bytes = HEADS;
    const { persistent, recursive } = this.#lasting;
    const others = new Map([...persistent].filter(([path]) => !recursive.has(path)));
    const sources = [...Object.values(this.#oneShot), others, recursive];
    for (const [index, source] of sources.entries()) {
      for (const path of [...source.keys()]) {
        const cost = Buffer.byteLength(path) + PER_PATH;
        if (bytes + cost > MOST_BYTES && bytes > HEADS) {
          yield part(lists, zxid);
          lists = [[], [], [], [], []];
          bytes = HEADS;
        }
        lists[index]!.push(path);
        bytes += cost;
      }
    }
    if (bytes > HEADS) yield part(lists, zxid);
  }

  #take(kind: OneShot, path: string, event: WatchEvent, call: Call): void {
    const found = this.#oneShot[kind].get(path);
    if (found === undefined) return;
    this.#oneShot[kind].delete(path);
    if (typeof found === 'function') call(found, event);
    else for (const listener of found) call(listener, event);
  }
}

/** How a listener is called: it may throw, and others are still to hear. */
export type Call = (listener: Listener, event: WatchEvent) => void;

const part = (lists: Lists, zxid: bigint): Operation<undefined> => {
  const hasLasting = lists[3].length + lists[4].length > 0;
  return setWatches(hasLasting, (writer) => {
    writer.long(zxid);
    for (const list of hasLasting ? lists : lists.slice(0, 3)) writeTexts(writer, list);
  });
};

const above = (path: string): string | undefined => (path === '/' ? undefined : path.slice(0, path.lastIndexOf('/')) || '/');
const isBelow = (path: string, parent: string): boolean => path.startsWith(parent === '/' ? '/' : `${parent}/`);
