/**
 * What can be asked, each as an Operation: its number, how it is written and how its answer is read. Knows no connection. The paths are
 * complete; what a server would not take is left for it to refuse.
 */
import type { Reader, Writer } from './jute.js';
import { modes, op, watchKinds, watchModes } from './protocol.js';
import type { CreateMode, WatchKind, WatchMode } from './protocol.js';
import { readAcl, readIdentities, readStat, readTextsInPieces, writeAcl } from './records.js';
import type { Acl, Identity, Stat } from './records.js';
import { whole } from './turns.js';
import type { Pieces } from './turns.js';

export interface Operation<T> {
  readonly op: number;
  /** For a person: `getData /a`. */
  readonly name: string;
  readonly path: string;
  readonly write: (writer: Writer) => void;
  readonly read: (reader: Reader) => T;
  /** The same, where it may take long. */
  readonly inPieces?: (reader: Reader) => Pieces<T>;
}

export interface Created {
  readonly path: string;
  readonly stat: Stat;
}
export interface Data {
  readonly data: Buffer;
  readonly stat: Stat;
}
export interface Children {
  readonly names: readonly string[];
  readonly stat: Stat;
}

const nothing = (): undefined => undefined;
const readCreated = (reader: Reader): Created => ({ path: reader.text(), stat: readStat(reader) });
const readData = (reader: Reader): Data => ({ data: reader.bytes(), stat: readStat(reader) });
function* readChildren(reader: Reader): Pieces<Children> {
  return { names: yield* readTextsInPieces(reader), stat: readStat(reader) };
}

const createOp = (mode: CreateMode): number =>
  mode === 'container' ? op.createContainer : mode.endsWith('_ttl') ? op.createTtl : op.create2;

/** `ttlMs` counts for the TTL modes alone. */
export const create = (
  path: string,
  data: Uint8Array,
  mode: CreateMode,
  acl: readonly Acl[],
  ttlMs: number,
): Operation<Created> => ({
  op: createOp(mode),
  name: 'create',
  path,
  write(writer) {
    writeAcl(writer.text(path).bytes(data), acl).int(modes[mode]);
    if (createOp(mode) === op.createTtl) writer.long(BigInt(ttlMs));
  },
  read: readCreated,
});

/** As servers before 3.5 know it; answers with the path alone. */
export const createOld = (path: string, data: Uint8Array, mode: CreateMode, acl: readonly Acl[]): Operation<string> => ({
  op: op.create,
  name: 'create',
  path,
  write: (writer) => void writeAcl(writer.text(path).bytes(data), acl).int(modes[mode]),
  read: (reader) => reader.text(),
});

export const remove = (path: string, version: number): Operation<undefined> => ({
  op: op.delete,
  name: 'delete',
  path,
  write: (writer) => void writer.text(path).int(version),
  read: nothing,
});

export const exists = (path: string, watch: boolean): Operation<Stat> => ({
  op: op.exists,
  name: 'exists',
  path,
  write: (writer) => void writer.text(path).bool(watch),
  read: readStat,
});

export const getData = (path: string, watch: boolean): Operation<Data> => ({
  op: op.getData,
  name: 'getData',
  path,
  write: (writer) => void writer.text(path).bool(watch),
  read: readData,
});

export const getChildren = (path: string, watch: boolean): Operation<Children> => ({
  op: op.getChildren2,
  name: 'getChildren',
  path,
  write: (writer) => void writer.text(path).bool(watch),
  read: (reader) => whole(readChildren(reader)),
  inPieces: readChildren,
});

export const setData = (path: string, data: Uint8Array, version: number): Operation<Stat> => ({
  op: op.setData,
  name: 'setData',
  path,
  write: (writer) => void writer.text(path).bytes(data).int(version),
  read: readStat,
});

export const getAcl = (path: string): Operation<{ readonly acl: readonly Acl[]; readonly stat: Stat }> => ({
  op: op.getAcl,
  name: 'getACL',
  path,
  write: (writer) => void writer.text(path),
  read: (reader) => ({ acl: readAcl(reader), stat: readStat(reader) }),
});

export const setAcl = (path: string, acl: readonly Acl[], aversion: number): Operation<Stat> => ({
  op: op.setAcl,
  name: 'setACL',
  path,
  write: (writer) => void writeAcl(writer.text(path), acl).int(aversion),
  read: readStat,
});

export const sync = (path: string): Operation<undefined> => ({
  op: op.sync,
  name: 'sync',
  path,
  write: (writer) => void writer.text(path),
  read: nothing,
});

export const addWatch = (path: string, mode: WatchMode): Operation<undefined> => ({
  op: op.addWatch,
  name: 'addWatch',
  path,
  write: (writer) => void writer.text(path).int(watchModes[mode]),
  read: nothing,
});

export const removeWatches = (path: string, kind: WatchKind): Operation<undefined> => ({
  op: op.removeWatches,
  name: 'removeWatches',
  path,
  write: (writer) => void writer.text(path).int(watchKinds[kind]),
  read: nothing,
});

/** Those that are not lasting in the words that servers before 3.6 know. */
export const setWatches = (hasLasting: boolean, write: (writer: Writer) => void): Operation<undefined> => ({
  op: hasLasting ? op.setWatches2 : op.setWatches,
  name: 'setWatches',
  path: '',
  write,
  read: nothing,
});

/** From 3.7 on. */
export const whoAmI = (): Operation<readonly Identity[]> => ({
  op: op.whoAmI,
  name: 'whoAmI',
  path: '',
  write: nothing,
  read: readIdentities,
});

export interface Reconfiguration {
  /** Either servers that join and leave, or all members, in the words of `server.N=…`, with commas. */
  readonly joining?: string;
  readonly leaving?: string;
  readonly members?: string;
  /** Of the configuration that this one follows, -1 for whichever it is. */
  readonly from?: bigint;
}

/** What is left out is no text at all: an empty one would ask for an ensemble without members. */
export const reconfig = ({ joining, leaving, members, from = -1n }: Reconfiguration): Operation<Data> => ({
  op: op.reconfig,
  name: 'reconfig',
  path: '',
  write: (writer) => void writer.text(joining).text(leaving).text(members).long(from),
  read: readData,
});

export const saslToken = (token: Uint8Array): Operation<Buffer> => ({
  op: op.sasl,
  name: 'the SASL login',
  path: '',
  write: (writer) => void writer.bytes(token),
  read: (reader) => reader.bytes(),
});

export const close = (): Operation<undefined> => ({ op: op.close, name: 'close', path: '', write: nothing, read: nothing });

export const ping: Operation<undefined> = { op: op.ping, name: 'ping', path: '', write: nothing, read: nothing };
