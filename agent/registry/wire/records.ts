/** The records that answers and requests are made of, in the order of ZooKeeper's published definitions. */
import type { Reader, Writer } from './jute.js';
import type { Pieces } from './turns.js';

export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  /** Milliseconds since 1970, by the leader's clock. */
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** The session that holds an ephemeral; 0 for none. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  /** The last change of the list of children. */
  readonly pzxid: bigint;
}

export interface Acl {
  /** A sum of `permissions`. */
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

export interface Identity {
  readonly scheme: string;
  readonly user: string;
}

export const openToAll: readonly Acl[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
/** Whoever this client is by its `auth`. */
export const creatorOnly: readonly Acl[] = [{ perms: 31, scheme: 'auth', id: '' }];

export const readStat = (reader: Reader): Stat => ({
  czxid: reader.long(),
  mzxid: reader.long(),
  ctime: Number(reader.long()),
  mtime: Number(reader.long()),
  version: reader.int(),
  cversion: reader.int(),
  aversion: reader.int(),
  ephemeralOwner: reader.long(),
  dataLength: reader.int(),
  numChildren: reader.int(),
  pzxid: reader.long(),
});

const LEAST_TEXT = 4;
const LEAST_ACL = 12;

export const readTexts = (reader: Reader): string[] => reader.list(LEAST_TEXT, () => reader.text());

/** Names of children, of which there may be 100,000. */
export const readTextsInPieces = (reader: Reader): Pieces<string[]> => reader.listInPieces(LEAST_TEXT, () => reader.text());

export const readAcl = (reader: Reader): Acl[] =>
  reader.list(LEAST_ACL, () => ({ perms: reader.int(), scheme: reader.text(), id: reader.text() }));

export const readIdentities = (reader: Reader): Identity[] =>
  reader.list(2 * LEAST_TEXT, () => ({ scheme: reader.text(), user: reader.text() }));

export const writeAcl = (writer: Writer, acl: readonly Acl[]): Writer =>
  writer.list(acl, ({ perms, scheme, id }) => void writer.int(perms).text(scheme).text(id));

export const writeTexts = (writer: Writer, texts: readonly string[]): Writer =>
  writer.list(texts, (text) => void writer.text(text));

export interface ReplyHead {
  readonly xid: number;
  readonly zxid: bigint;
  readonly error: number;
}

export const readHead = (reader: Reader): ReplyHead => ({ xid: reader.int(), zxid: reader.long(), error: reader.int() });
