/**
 * Jute, the encoding of ZooKeeper's records: big-endian numbers, and texts, bytes and lists with their length in front, of which -1 means
 * none. A Reader believes no length: whatever does not fit what is there is a ProtocolError, before anything is allocated for it.
 */
import { whole } from './turns.js';
import type { Pieces } from './turns.js';

/** The other side does not speak the protocol. The message says what was read, and is to follow the server's name. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';
}

/** It may well speak the protocol, and says more at once than we take. */
export class TooLong extends ProtocolError {
  override readonly name = 'TooLong';
  readonly limit: number;
  constructor(message: string, limit: number) {
    super(message);
    this.limit = limit;
  }
}

const NONE = -1;
const FIRST_SIZE = 4 * 1024;
/** Items of a list that are read in one go: some tens of microseconds. */
const PIECE = 256;
/** What a writer keeps for the next time. */
const KEPT_SIZE = 256 * 1024;

export class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  int(value: number): this {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  long(value: bigint): this {
    this.#room(8);
    this.#at = this.#bytes.writeBigInt64BE(value, this.#at);
    return this;
  }

  bool(value: boolean): this {
    this.#room(1);
    this.#at = this.#bytes.writeUInt8(value ? 1 : 0, this.#at);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.int(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** Undefined is what is not there, which is another thing than an empty text. */
  text(value: string | undefined): this {
    if (value === undefined) return this.int(NONE);
    this.#room(4 + 3 * value.length); // no character of a string takes more than three bytes
    const size = this.#bytes.write(value, this.#at + 4);
    this.#bytes.writeInt32BE(size, this.#at);
    this.#at += 4 + size;
    return this;
  }

  list<T>(values: readonly T[], write: (value: T) => void): this {
    this.int(values.length);
    values.forEach(write);
    return this;
  }

  /** Leaves room for a length, which `close` fills in with the bytes written since. */
  open(): number {
    this.int(0);
    return this.#at;
  }

  close(from: number): void {
    this.#bytes.writeInt32BE(this.#at - from, from - 4);
  }

  /** Forgets what was written from here on. */
  rewind(to: number): void {
    this.#at = to;
  }

  /** A copy of all that was written, and empty again. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    if (this.#bytes.length > KEPT_SIZE) this.#bytes = Buffer.allocUnsafe(FIRST_SIZE);
    return taken;
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#at + size, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  int(): number {
    const at = this.#take(4, 'a number');
    return this.#bytes.readInt32BE(at);
  }

  long(): bigint {
    const at = this.#take(8, 'a long number');
    return this.#bytes.readBigInt64BE(at);
  }

  bool(): boolean {
    const at = this.#take(1, 'a truth value');
    return this.#bytes[at] !== 0;
  }

  /** A copy, so that a few bytes do not keep a whole chunk of the socket alive. None is read as empty. */
  bytes(): Buffer {
    const size = this.#size('bytes');
    const at = this.#take(size, 'bytes');
    return Buffer.from(this.#bytes.subarray(at, at + size));
  }

  text(): string {
    const size = this.#size('a text');
    const at = this.#take(size, 'a text');
    return this.#bytes.toString('utf8', at, at + size);
  }

  /** `least`: bytes that the smallest item takes, so that a count can be held against what is there. */
  list<T>(least: number, read: () => T): T[] {
    return whole(this.listInPieces(least, read));
  }

  *listInPieces<T>(least: number, read: () => T): Pieces<T[]> {
    const count = this.#count('a list');
    if (count * least > this.left) throw new ProtocolError(`says that a list has ${count} items, in ${this.left} bytes`);
    const items: T[] = [];
    for (let index = 0; index < count; index++) {
      if (index % PIECE === PIECE - 1) yield;
      items.push(read());
    }
    return items;
  }

  #size(what: string): number {
    const size = this.#count(what);
    if (size > this.left) throw new ProtocolError(`says that ${what} has ${size} bytes, and ${this.left} are left`);
    return size;
  }

  #count(what: string): number {
    const count = this.int();
    if (count < NONE) throw new ProtocolError(`says that ${what} has the length ${count}`);
    return Math.max(0, count);
  }

  #take(size: number, what: string): number {
    if (size > this.left) throw new ProtocolError(`sent a packet that ends in the middle of ${what}`);
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
