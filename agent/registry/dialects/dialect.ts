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
  readonly protocol?: string;
  readonly meta: Readonly<Record<string, string>>;
}

export interface Skip {
  readonly skip: SkipReason;
  /** A sentence for a person, with the value that was found. Never longer than 200 characters. */
  readonly detail: string;
}

/** Instance <-> name and bytes. Knows one system's format and does no I/O. Never throws on what others wrote. */
export interface Dialect {
  readonly name: string;
  /** The parent of a service's instances when the user names none, with `{service}`. */
  readonly defaultPath: string;
  /** How long peers may take to hear of a withdrawal, in milliseconds: the default of DRAIN_WAIT. */
  readonly drainWaitMs: number;
  readonly change: 'in_place' | 'replace';
  /** False: the name says it all, the data is never read. */
  readonly readsData: boolean;
  place(instance: Instance): { readonly name: string; readonly data: Uint8Array; readonly mode: Mode };
  read(service: string, name: string, data: Uint8Array, stat: Stat): Instance | Skip;
}
