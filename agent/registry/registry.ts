/**
 * What the rest of the agent asks of the registry: put our instance there, take it away, and tell us of others. Stands on a Tree and a
 * Dialect and hides both; see tree-registry.ts.
 */
import type { SkipReason } from '../events.js';
import type { Instance } from './dialects/dialect.js';

export interface Source {
  readonly dialect: string;
  /** The parent of the instances, complete: no `{service}` in it. */
  readonly path: string;
  /** The name of an additional endpoint to be called instead of the main one; serversets have them. */
  readonly endpoint?: string;
  /** The address of the registry that it is in; undefined: the main one. */
  readonly registry?: string;
}

export interface Proof {
  readonly path: string;
  /** The last change of the node that was read, in decimal. */
  readonly zxid: string;
  /** When the read that showed it was answered, milliseconds since 1970. */
  readonly at: number;
  readonly how: 'created' | 'taken_over' | 'rewritten' | 'found';
}

export interface Skipped {
  readonly name: string;
  readonly reason: SkipReason;
  readonly detail: string;
}

/** Always whole, never an increment. */
export interface InstanceList {
  readonly instances: readonly Instance[];
  readonly skipped: readonly Skipped[];
  /** False: the session is not connected, and this is the last that was heard. */
  readonly confirmed: boolean;
  /** When the tree was asked, milliseconds since 1970. */
  readonly asOf: number;
  /** The first reading goes on: there are more than these. */
  readonly partial?: boolean;
}

/** Why the place cannot be read, again for each other reason; undefined: it can. */
export type OnTrouble = (why: string | undefined) => void;

export interface Registry {
  /** Resolves only when a read in the live session has shown the node, with our bytes, owned by us. May be repeated: it heals. `yields`: what another session holds is not taken over. */
  put(instance: Instance, at: Source, onChange: () => void, yields?: boolean): Promise<Proof>;
  /** Resolves when the node is gone. May be repeated. Takes only a node of ours. `yields`: and none that a session holds which was never ours. */
  remove(instance: Instance, at: Source, yields?: boolean): Promise<void>;
  /** The names of the nodes at this place, and ids where these differ, as they are now: no server that lags behind answers. Fails without a session. */
  names(at: Source): Promise<ReadonlySet<string>>;
  /** Tells whole lists, the first as soon as there is one (an empty or missing parent is a list of none). */
  watch(service: string, at: Source, onList: (list: InstanceList) => void, onTrouble?: OnTrouble): () => void;
}
