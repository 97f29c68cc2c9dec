import type { SkipReason } from '../../events.js';
import type { Mode, Stat } from '../tree.js';

/** One registered process, as the registry tells it. */
export interface Instance {
  readonly service: string;
  readonly id: string;
  /** A name or an address, checked; not resolved. */
  readonly host: string;
  readonly port: number;
  /** Finite, 0 or more; 1 where nothing was said. */
  readonly weight: number;
  /** False: registered, but not to be called (drained, disabled). */
  readonly up: boolean;
  readonly zone?: string;
  /** When it registered, milliseconds since 1970. */
  readonly since?: number;
  /** How long from then on it wants less than its share, in milliseconds. Undefined: as the caller thinks fit. */
  readonly warmupMs?: number;
  readonly protocol?: string;
  readonly meta: Readonly<Record<string, string>>;
  /** Ports of it beside the main one, by name. Only told: who reads names the one that he wants. */
  readonly endpoints?: Readonly<Record<string, number>>;
  /** To be told in the node's name too, where the dialect has readers for that. Only told. */
  readonly inName?: boolean;
}

export interface Skip {
  readonly skip: SkipReason;
  /** A sentence for a person, with the value that was found. Never longer than 200 characters. */
  readonly detail: string;
}

/** A node that is no instance and weighs its siblings: factors by selector, see vectors.ts. */
export interface Weights {
  readonly factors: ReadonlyMap<string, number>;
  /** All that it says, in its order: vectors that say the same count once, as they do in Finagle. */
  readonly text: string;
}

export type Said = Instance | Weights | Skip;

export const isInstance = (said: Said | undefined): said is Instance => said !== undefined && 'host' in said;

export interface Placed {
  /** With mode `ephemeral_sequential` the tree appends ten digits. */
  readonly name: string;
  readonly data: Uint8Array;
  readonly mode: Mode;
}

/** Instance <-> name and bytes. Knows one system's format and does no I/O. Never throws on what others wrote. */
export interface Dialect {
  readonly name: string;
  /** The parent of a service's instances when the user names none, with `{service}`. */
  readonly defaultPath: string;
  /** How long peers may take to hear of a withdrawal, in milliseconds: the default of DRAIN_WAIT. */
  readonly drainWaitMs: number;
  /** `replace`: its readers read a node once, so that a change is a new node, and then the end of the old one. */
  readonly change: 'in_place' | 'replace';
  /**
   * How the folders are made in which its instances stand. The servers take an empty `container` away, which readers of Curator's live with; others
   * wait on the folder for ever, or end.
   */
  readonly parents: 'container' | 'persistent';
  /** `mark`: a drained instance stays, and says so in words that all its readers heed. */
  readonly drain: 'mark' | 'withdraw';
  /** False: the name says it all, the data is never read. */
  readonly readsData: boolean;
  /** Which weights can be said in it. */
  readonly weights: { readonly accepts: string; fits(weight: number): boolean };
  place(instance: Instance): Placed;
  /** What of META its readers could not live with, and so is not told, and why, where somebody would miss it; undefined: nothing. */
  untold?(meta: Instance['meta']): { readonly keys: readonly string[]; readonly why: string } | undefined;
  /** What stands beside the instance's node, which has this name, and weighs it; undefined where nothing needs to. */
  beside?(instance: Instance, name: string): Placed | undefined;
  /** `endpoint`: the name of one of its additional endpoints, to be taken instead of the main one. */
  read(service: string, name: string, data: Uint8Array, stat: Stat, endpoint?: string): Said;
}
