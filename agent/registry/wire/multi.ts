/**
 * Several changes as one: all are done, or none is. The request is a row of headers with a change behind each, and so is the answer; when it
 * failed, every item says an error: none for those before the culprit, and "not tried" for those behind it.
 */
import { ProtocolError } from './jute.js';
import type { Reader, Writer } from './jute.js';
import type { Operation } from './operations.js';
import { ANY_VERSION, modes, op } from './protocol.js';
import type { CreateMode } from './protocol.js';
import { openToAll, readStat, writeAcl } from './records.js';
import type { Acl, Stat } from './records.js';
import { whole } from './turns.js';
import type { Pieces } from './turns.js';

export type Change =
  | {
      readonly do: 'create';
      readonly path: string;
      readonly data?: Uint8Array;
      /** Without a time to live. */
      readonly mode?: Exclude<CreateMode, 'persistent_ttl' | 'persistent_sequential_ttl'>;
      readonly acl?: readonly Acl[];
    }
  | { readonly do: 'delete'; readonly path: string; readonly version?: number }
  | { readonly do: 'set'; readonly path: string; readonly data: Uint8Array; readonly version?: number }
  | { readonly do: 'check'; readonly path: string; readonly version: number };

/** A server tells the stat of a container alone. */
export interface Made {
  readonly path: string;
  readonly stat?: Stat;
}

/** Of a create, of a set, or of the others. */
export type Outcome = Made | Stat | undefined;

/** Either what came of each change, or which one was refused, and with which number. */
export type MultiAnswer = readonly Outcome[] | { readonly index: number; readonly number: number };

/** Answers that are read in one go. */
const PIECE = 64;
const NOT_TRIED = -2;
const NOTHING = new Uint8Array();

const opOf = (change: Change): number =>
  change.do === 'create'
    ? change.mode === 'container'
      ? op.createContainer
      : op.create
    : { delete: op.delete, set: op.setData, check: op.check }[change.do];

export const multi = (changes: readonly Change[]): Operation<MultiAnswer> => ({
  op: op.multi,
  name: 'multi',
  path: changes[0]?.path ?? '',
  write(writer) {
    for (const change of changes) {
      writer.int(opOf(change)).bool(false).int(-1).text(change.path);
      writeChange(writer, change);
    }
    writer.int(-1).bool(true).int(-1);
  },
  read: (reader) => whole(readAnswer(reader, changes.length)),
  inPieces: (reader) => readAnswer(reader, changes.length),
});

function writeChange(writer: Writer, change: Change): void {
  if (change.do === 'create') {
    const { data = NOTHING, acl = openToAll, mode = 'persistent' } = change;
    writeAcl(writer.bytes(data), acl).int(modes[mode]);
  } else {
    if (change.do === 'set') writer.bytes(change.data);
    writer.int(change.version ?? ANY_VERSION);
  }
}

function* readAnswer(reader: Reader, count: number): Pieces<MultiAnswer> {
  const outcomes: Outcome[] = [];
  let refused: { index: number; number: number } | undefined;
  for (let index = 0; ; index++) {
    if (index % PIECE === PIECE - 1) yield;
    const type = reader.int();
    const done = reader.bool();
    reader.int();
    if (done) break;
    if (index >= count) throw new ProtocolError(`answered a multi of ${count} changes with more`);
    if (type === op.error) {
      const number = reader.int();
      if (number !== 0 && (refused === undefined || refused.number === NOT_TRIED)) refused = { index, number };
    } else outcomes.push(readOutcome(reader, type));
  }
  if (refused) return refused;
  if (outcomes.length !== count) throw new ProtocolError(`answered a multi of ${count} changes with ${outcomes.length}`);
  return outcomes;
}

function readOutcome(reader: Reader, type: number): Outcome {
  switch (type) {
    case op.create:
      return { path: reader.text() };
    case op.create2:
    case op.createContainer:
      return { path: reader.text(), stat: readStat(reader) };
    case op.setData:
      return readStat(reader);
    case op.delete:
    case op.check:
      return undefined;
    default:
      throw new ProtocolError(`answered a change with the number ${type}, which is none`);
  }
}
