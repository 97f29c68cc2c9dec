/**
 * What was asked in one connection and is not answered yet. Answers come in the order of the questions, so each must fit the oldest; what
 * does not, or what nobody asked for, means that the other side does not speak the protocol. Knows no socket: it gathers bytes to be
 * sent, and is told of answers and of the end.
 *
 * The rule for an end: nothing is ever sent twice. Whatever is out fails, reads too, and whoever asked decides whether to ask again.
 */
import { ZooKeeperError, refusal } from './errors.js';
import type { Bound, ErrorCode } from './errors.js';
import { ProtocolError, Writer } from './jute.js';
import type { Reader } from './jute.js';
import type { Operation } from './operations.js';
import { LONGEST_REQUEST } from './protocol.js';
import type { ReplyHead } from './records.js';
import type { Pieces } from './turns.js';

/** Told the answer's number, 0 for success, before anything that comes behind it is looked at. */
export type OnAnswer = (error: number) => void;

export interface Asked {
  /** In bytes. */
  readonly size: number;
  readonly sentAt: number;
}

interface Pending extends Asked {
  readonly number: number;
  readonly operation: Operation<unknown>;
  readonly onAnswer: OnAnswer | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ZooKeeperError) => void;
}

export interface Bounds {
  /** Requests that may be out. */
  readonly requests: number;
  /** Bytes of theirs. */
  readonly bytes: number;
}

const LAST_NUMBER = 2 ** 31 - 1;
/** Above this the answered ones at the front of the list are let go. */
const MOST_ANSWERED = 1_024;

export const describe = ({ name, path }: Operation<unknown>): string => (path === '' ? name : `${name} ${path}`);

export class Requests {
  readonly #bounds: Bounds;
  readonly #writer = new Writer();
  /** Those before `#first` are answered. */
  #pending: (Pending | undefined)[] = [];
  #first = 0;
  /** Out of that order, each kind with one number for all and in an order of its own: pings, logins, watches. */
  readonly #special = new Map<number, Pending[]>();
  #number = 0;
  #bytesOut = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    let size = this.#pending.length - this.#first;
    for (const { length } of this.#special.values()) size += length;
    return size;
  }

  /** Of what is out. */
  get oldest(): Asked | undefined {
    let oldest = this.#pending[this.#first];
    for (const [first] of this.#special.values()) if (first && !(oldest && oldest.sentAt <= first.sentAt)) oldest = first;
    return oldest;
  }

  /** Rejects with a ZooKeeperError. */
  ask<T>(operation: Operation<T>, now: number, onAnswer?: OnAnswer): Promise<T> {
    const full = this.#full();
    if (full) {
      const out = `${this.size} requests with ${this.#bytesOut} bytes are out`;
      return Promise.reject(
        new ZooKeeperError('OVERLOADED', `${describe(operation)}: nothing was sent, since ${out}`, { bound: full }),
      );
    }
    this.#number = this.#number === LAST_NUMBER ? 1 : this.#number + 1;
    const size = this.#write(this.#number, operation);
    if (size > LONGEST_REQUEST) {
      const told = `${describe(operation)}: ${size} bytes, and a server takes ${LONGEST_REQUEST} at the most`;
      return Promise.reject(
        new ZooKeeperError('TOO_LARGE', told, { bound: { of: 'bytes of a request to ZooKeeper', limit: LONGEST_REQUEST } }),
      );
    }
    return new Promise((resolve, reject) => {
      const settle = resolve as (value: unknown) => void;
      this.#pending.push({ number: this.#number, operation, onAnswer, size, sentAt: now, resolve: settle, reject });
      this.#bytesOut += size;
    });
  }

  /** With one of the numbers that stand outside the order. */
  askSpecial<T>(number: number, operation: Operation<T>, now: number): Promise<T> {
    const size = this.#write(number, operation);
    return new Promise((resolve, reject) => {
      const settle = resolve as (value: unknown) => void;
      const pending = { number, operation, onAnswer: undefined, size, sentAt: now, resolve: settle, reject };
      const before = this.#special.get(number);
      if (before) before.push(pending);
      else this.#special.set(number, [pending]);
    });
  }

  /** So many with this number, which stands outside the order. */
  outWith(number: number): number {
    return this.#special.get(number)?.length ?? 0;
  }

  /** The next answer that a server may give to a question in the order has this number. */
  isNext(number: number): boolean {
    return this.#pending[this.#first]?.number === number;
  }

  /** What is to be sent now; undefined for nothing. */
  take(): Buffer | undefined {
    return this.#writer.length === 0 ? undefined : this.#writer.take();
  }

  /**
   * Throws a ProtocolError when it is no answer to anything, or when it cannot be read; what it was for then stays out. A long one is read in
   * pieces, which is what it answers with then.
   */
  answer(head: ReplyHead, reader: Reader, server: string): Pieces | undefined {
    const pending = this.#special.get(head.xid)?.[0] ?? this.#pending[this.#first];
    if (pending?.number !== head.xid) {
      const expected = pending ? `${pending.number} is the next that is waited for` : 'nothing is waited for';
      throw new ProtocolError(`sent an answer with the number ${head.xid}, and ${expected}`);
    }
    const { operation } = pending;
    if (head.error !== 0) this.#settle(pending, head.error).reject(refusal(describe(operation), head.error, server));
    else if (operation.inPieces) return this.#inPieces(pending, operation.inPieces(reader));
    else {
      const value = operation.read(reader);
      this.#settle(pending, 0).resolve(value);
    }
    return undefined;
  }

  /** The connection is over: everything that is out fails, one at a time, and what was gathered is forgotten. `bound`: what was waited for next is beyond it. */
  fail(code: ErrorCode, why: string, bound?: Bound): Pieces {
    const out = [...this.#pending.slice(this.#first), ...[...this.#special.values()].flat()] as readonly Pending[];
    this.#special.clear();
    this.#pending = [];
    this.#first = this.#bytesOut = 0;
    this.#writer.rewind(0);
    return failing(out, code, why, bound);
  }

  *#inPieces(pending: Pending, pieces: Pieces<unknown>): Pieces {
    const value = yield* pieces;
    this.#settle(pending, 0).resolve(value);
  }

  /** It is out no more. */
  #settle(pending: Pending, error: number): Pending {
    if (!this.#special.get(pending.number)?.shift()) this.#shift(pending);
    pending.onAnswer?.(error);
    return pending;
  }

  #full(): Bound | undefined {
    const { requests, bytes } = this.#bounds;
    if (this.size >= requests) return { of: 'requests out to ZooKeeper', limit: requests };
    return this.#bytesOut >= bytes ? { of: 'bytes out to ZooKeeper', limit: bytes } : undefined;
  }

  /** Answers with the bytes that it takes; one that is too long is not there afterwards. */
  #write(number: number, { op, write }: Operation<unknown>): number {
    const before = this.#writer.length;
    const from = this.#writer.open();
    this.#writer.int(number).int(op);
    write(this.#writer);
    const size = this.#writer.length - from;
    if (size > LONGEST_REQUEST) this.#writer.rewind(before);
    else this.#writer.close(from);
    return size;
  }

  #shift({ size }: Pending): void {
    this.#pending[this.#first++] = undefined;
    this.#bytesOut -= size;
    if (this.#first === this.#pending.length) {
      this.#pending = [];
      this.#first = 0;
    } else if (this.#first >= MOST_ANSWERED && this.#first * 2 > this.#pending.length) {
      this.#pending.splice(0, this.#first);
      this.#first = 0;
    }
  }
}

function* failing(out: readonly Pending[], code: ErrorCode, why: string, bound: Bound | undefined): Pieces {
  for (const [index, { operation, reject }] of out.entries()) {
    reject(new ZooKeeperError(code, `${describe(operation)}: ${why}`, index === 0 && bound ? { bound } : {}));
    yield;
  }
}
