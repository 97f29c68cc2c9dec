/** What the tree asks of a link to the servers, whichever client it is made of. Paths are complete and checked. */
import type { List, Mode, Node, Stat, Versioned } from '../tree.js';
import type { Link } from '../turn.js';
import type { Kind } from './watches.js';

/** Told once of each watch that was armed and fires; `child`: which one came or went. True: the watch is to stay, for the next of them. */
export type Fired = (kind: Kind, path: string, child?: { readonly name: string; readonly isThere: boolean }) => boolean;

/** What can be asked in one session. */
export interface Wire extends Link {
  /** The watch is armed whether there is a node or not. */
  exists(path: string, watch: boolean): Promise<Stat | undefined>;
  get(path: string): Promise<Node | undefined>;
  /** The same with a watch, which is armed only if there is a node. For a link that can do it. */
  getWatched?(path: string): Promise<Node | undefined>;
  /** The watch is armed only if there is a node. `tells`: to be told of each child, if the link can do it. */
  children(path: string, watch: boolean, tells: boolean): Promise<List | undefined>;
  /** Answers with the path as created, and with its stat where the link has that from the same answer. */
  create(path: string, data: Uint8Array, mode: Mode): Promise<Made>;
  set(path: string, data: Uint8Array, version: number): Promise<Stat>;
  remove(path: string, version?: number): Promise<boolean>;
  /** Removes one and creates another, or does neither. For a link that can do it. */
  replace?(old: Versioned, path: string, data: Uint8Array, mode: Mode): Promise<Made>;
  sync(path: string): Promise<void>;
}

export interface Made {
  readonly path: string;
  readonly stat?: Stat;
}
