/**
 * The port that ZooKeeper and the embedded folder both fulfil: a tree of nodes with one session, ephemerals and one-shot watches.
 * test/agent/registry/tree-contract.ts holds every adapter to what is said here.
 *
 * Sessions. A tree opens its session by itself, again and again until `close()`: nothing above it reconnects. `suspended` is a
 * connection lost while the session may still live; `expired` is its end, after which a session with a new id and a higher
 * `epoch` follows by itself. Operations wait for nothing: without a connected session they fail at once with 'disconnected'.
 *
 * Watches. `onChange` is called at most once, and means "something may have changed: ask again": the node (or, for `children`,
 * the list) changed, a missing one came to be, or the session that held the watch is over. A reconnect within a session keeps its watches.
 * It is never called from within the call that armed it, and not at all once the tree is closed. A watch that a bound refused is
 * reported as a fact, so a reader must also look again by itself from time to time.
 *
 * `onChild` is for who can do with less than the whole list: where a tree knows which child came or went (`tells` in the answer says so), it
 * is called in place of `onChange`, each time, until it answers false. It may be called before the answer is there, of which it may be older or
 * newer; the last word of it on a name holds. What it could not tell, as after a lost connection, comes by `onChange`.
 */
import type { SessionState } from '../events.js';

export type Owner = 'none' | 'us' | 'other';

export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly version: number;
  /** Bytes of data. */
  readonly size: number;
  /** Whose session holds an ephemeral. `us` is the session that is live now; containers and TTL nodes look like `none`. */
  readonly owner: Owner;
  /** The session that holds it, in hex, to name it to a person; '' where there is none. */
  readonly ownerId: string;
  /** Only for a look from outside at a folder: why its owner is held for dead, though its node is still there. */
  readonly orphaned?: string;
  /** When it was created, milliseconds since 1970 by the clock of the tree. */
  readonly ctime: number;
}

/** `container` falls back to `persistent` where a server is too old for it. */
export type Mode = 'persistent' | 'container' | 'ephemeral' | 'ephemeral_sequential';

export interface Session {
  readonly state: SessionState;
  /** Hex for ZooKeeper, a UUID for a folder; '' before the first. */
  readonly id: string;
  /** Grows with every new session; the first has 1, 0 is none yet. What was true in one epoch is unknown in the next. */
  readonly epoch: number;
  /** `host:port` of the server, or the folder. */
  readonly server?: string;
  readonly timeoutMs: number;
}

/** What was made in it has gone, but for what a server that is away has not ended yet. */
export const isOver = ({ state }: Session): boolean => state === 'expired' || state === 'closed';

export interface Spread {
  /** Those that have said how far they are; 0: too few to know. */
  readonly servers: number;
  /** Of these: they lag behind. */
  readonly behind: readonly string[];
}

/** A node as it was seen. */
export interface Versioned {
  readonly path: string;
  readonly version: number;
}

export interface Node {
  readonly data: Uint8Array;
  readonly stat: Stat;
}
export interface List {
  readonly names: readonly string[];
  readonly stat: Stat;
  /** `onChild` is told of every child that comes or goes. */
  readonly tells?: boolean;
}
/** Answers whether to be called again. */
export type OnChild = (name: string, isThere: boolean) => boolean;

export interface Tree {
  readonly session: Session;
  /** Watches that are armed now. */
  readonly watches: number;
  /** Hears every change of the session until the returned function is called. Not called for the present state. */
  onSession(listener: (session: Session) => void): () => void;
  exists(path: string, onChange?: () => void): Promise<Stat | undefined>;
  /**
   * Fails with 'too_large'. With `onChange` the size is asked for first, and what is too large is not read; not so where it is `unmeasured` and the
   * tree can do without: then it comes over the line once, and fails all the same.
   */
  read(path: string, onChange?: () => void, unmeasured?: boolean): Promise<Node | undefined>;
  /** Names only, in no particular order. */
  children(path: string, onChange?: () => void, onChild?: OnChild): Promise<List | undefined>;
  /** Answers with the path as created (a sequential one has its number). Fails with 'node_exists', 'no_parent'. */
  create(path: string, data: Uint8Array, mode: Mode): Promise<{ readonly path: string; readonly stat: Stat }>;
  /** Fails with 'no_node', 'bad_version'. */
  write(path: string, data: Uint8Array, version: number): Promise<Stat>;
  /** False: it was gone already. Fails with 'bad_version', 'not_empty'. Without a version, any version. */
  remove(path: string, version?: number): Promise<boolean>;
  /**
   * Removes one node and creates another (or the same) as one change, so that nobody ever sees neither. Undefined: the tree has no such change,
   * and nothing was done. Fails with 'no_node', 'bad_version', 'node_exists', and then neither was done.
   */
  replace?(old: Versioned, path: string, data: Uint8Array, mode: Mode): Promise<{ readonly path: string }> | undefined;
  /** Flushes what the server knows to us, so that a read that follows is no older than this call. */
  sync(path: string): Promise<void>;
  /** Waits, so long at most, until every server that answers knows what ours does now. Only where there may be several. */
  spread?(withinMs: number): Promise<Spread>;
  /** What is asked now cannot wait: a connection that has died without a word is left for another. Where there are any. */
  hurry?(): void;
  /** Ends the session, so that its ephemerals are gone when it resolves, if the tree can be reached within 2 s; stops for good either way. */
  close(): Promise<void>;
}

export type RegistryErrorCode =
  | 'disconnected' // no connected session: nothing was sent
  | 'connection_lost' // sent, and no answer came: it may have been done
  | 'expired'
  | 'no_node'
  | 'no_parent'
  | 'node_exists'
  | 'bad_version'
  | 'not_empty'
  | 'no_auth'
  | 'auth_failed'
  | 'too_large'
  | 'bad_path'
  | 'refused' // by us, because of those who stand there: nothing was written
  | 'closed'
  | 'not_built' // the native client is not there; the message says how to get it
  | 'failed'; // anything else; the message says what

/** The one error that leaves a tree. The message names the operation, the path and what the other side said. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  constructor(code: RegistryErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const sessionTrouble: ReadonlySet<unknown> = new Set<RegistryErrorCode>(['disconnected', 'connection_lost', 'expired', 'closed']);

/** True when the call failed for want of a session: nothing is wrong with what was asked, and a later session may answer. */
export const isSessionTrouble = (error: unknown): boolean => error instanceof RegistryError && sessionTrouble.has(error.code);

/** The largest node that is ever read or written, in bytes. */
export const MAX_NODE_BYTES = 64 * 1024;
