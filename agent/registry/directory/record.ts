/**
 * What is known of a node beside its data: the record, one line of JSON in `.name.node`.
 *
 * Data and record are two files, and a reader must never join the one's new to the other's old. So each state in the record carries
 * the stamp (inode, time, size) of the very file it speaks of. A writer puts the record down first, with the state to come and the
 * present one, and the data second: that rename is the moment of the change, and at every moment one of the two states fits.
 *
 * Where no state fits, a person wrote the file: it is persistent, belongs to nobody, and its version and zxids come from its times.
 */
import type { BigIntStats } from 'node:fs';

export interface State {
  readonly version: number;
  readonly mzxid: bigint;
  readonly stamp: string;
}

export interface NodeRecord {
  readonly name: string;
  /** The session that holds it; '' for a persistent node. */
  readonly owner: string;
  readonly czxid: bigint;
  readonly ctime: number;
  /** The number of the next sequential child. */
  readonly next: number;
  /** The newest first; the one before it as long as it may still be the true one. */
  readonly states: readonly State[];
}

/** What is true of a node: its record with the one state that fits. */
export type Truth = Omit<NodeRecord, 'states'> & State;

/** The stamp of a node without data. */
export const NO_DATA = '';
export const stampOf = (data: BigIntStats | undefined): string => (data ? `${data.ino}-${data.mtimeNs}-${data.size}` : NO_DATA);

/** Not merely another of the same name, made since. */
export const isSameFile = (one: BigIntStats, other: BigIntStats): boolean =>
  one.ino === other.ino && one.birthtimeNs === other.birthtimeNs;

/** The state that fits the file, if one does. */
export function fitting(record: NodeRecord | undefined, data: BigIntStats | undefined): Truth | undefined {
  const stamp = stampOf(data);
  const state = record?.states.find((each) => each.stamp === stamp);
  return record && state && { ...record, ...state };
}

/** What is true of a node that a person made. `stats` are its data's, or those of its folder if it has no data. */
export function byHand(name: string, record: NodeRecord | undefined, stats: BigIntStats, noData: boolean): Truth {
  const { birthtimeNs, mtimeNs } = stats;
  const born = birthtimeNs > 0n && birthtimeNs < mtimeNs ? birthtimeNs : mtimeNs; // some file systems tell 0
  return {
    name,
    owner: '',
    czxid: born,
    ctime: Number(born / 1_000_000n),
    next: record?.next ?? 0,
    // A folder's own time moves with its children, a node's does not.
    mzxid: noData ? born : mtimeNs,
    version: noData ? 0 : Number((mtimeNs / 1000n) & 0x7fff_ffffn),
    stamp: noData ? NO_DATA : stampOf(stats),
  };
}

export const write = (record: NodeRecord): string =>
  `${JSON.stringify(record, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}\n`;

/** Undefined for anything that is not wholly as we write it: the node is then as if written by hand. */
export function parse(text: string | undefined): NodeRecord | undefined {
  try {
    const { name, owner, czxid, ctime, next, states } = JSON.parse(text ?? '') as Record<string, unknown>;
    if (typeof name !== 'string' || typeof owner !== 'string' || !Array.isArray(states)) return undefined;
    return { name, owner, czxid: zxid(czxid), ctime: count(ctime), next: count(next), states: states.slice(0, 2).map(state) };
  } catch {
    return undefined;
  }
}

function state(value: unknown): State {
  const { version, mzxid, stamp } = value as Record<string, unknown>;
  if (typeof stamp !== 'string') throw new TypeError('a stamp is text');
  return { version: count(version), mzxid: zxid(mzxid), stamp };
}

function zxid(value: unknown): bigint {
  if (typeof value !== 'string') throw new TypeError('a zxid is decimal text');
  return BigInt(value);
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TypeError('a count is a whole number');
  return value as number;
}
