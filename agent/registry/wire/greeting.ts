/**
 * What makes a session the same one on every server: its id, its password, and the last change that was seen. Decides what the first words
 * to a server are, and what its answer means.
 *
 *     none ──granted──▶ held ──the same id──▶ held
 *                         ├──a timeout of 0─▶ over: the server knows it no more
 *                         └──another id─────▶ over: it was replaced without a word
 */
import type { Reader, Writer } from './jute.js';
import { nameOf } from './errors.js';
import { ProtocolError } from './jute.js';
import { readHead } from './records.js';

export type Welcome =
  | { readonly kind: 'granted'; readonly isReadOnly: boolean }
  /** The session has ended: why, in words. */
  | { readonly kind: 'over'; readonly why: string };

const NO_PASSWORD = Buffer.alloc(16);
const LONGEST_PASSWORD = 1_024;
/** What is granted beyond this is taken as this: timers count to 24 days, and the session is only kept better than it needs. */
const LONGEST_TIMEOUT_MS = 24 * 60 * 60 * 1_000;
/** Bytes of an answer without a body, which is what a read-only server says to one that wants a session known to all. */
const HEAD = 16;

export class Greeting {
  readonly #asksMs: number;
  readonly #takesReadOnly: boolean;
  #id = 0n;
  #password: Buffer = NO_PASSWORD;
  /** A server without a majority hands out ids that no other knows. */
  #isKnown = false;
  #timeoutMs: number;
  #zxid = 0n;

  constructor(asksMs: number, takesReadOnly: boolean) {
    this.#asksMs = asksMs;
    this.#timeoutMs = asksMs;
    this.#takesReadOnly = takesReadOnly;
  }

  get id(): bigint {
    return this.#id;
  }

  /** As servers write it: hex without zeros in front. */
  get hexId(): string {
    return BigInt.asUintN(64, this.#id).toString(16);
  }

  /** What was granted, a day at the most; before, what is asked for. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** There is a session that could be lost. */
  get isHeld(): boolean {
    return this.#isKnown;
  }

  get zxid(): bigint {
    return this.#zxid;
  }

  /** An answer told how far the server is. */
  seen(zxid: bigint): void {
    if (zxid > this.#zxid) this.#zxid = zxid;
  }

  write(writer: Writer): void {
    writer
      .int(0)
      .long(this.#zxid)
      .int(this.#asksMs)
      .long(this.#isKnown ? this.#id : 0n)
      .bytes(this.#isKnown ? this.#password : NO_PASSWORD)
      .bool(this.#takesReadOnly);
  }

  /** Throws a ProtocolError. */
  read(reader: Reader): Welcome {
    if (reader.left === HEAD) {
      const { error } = readHead(reader);
      throw new ProtocolError(error === 0 ? 'answers before it has greeted us' : `gives us no session: ${nameOf(error)}`);
    }
    const version = reader.int();
    const timeoutMs = reader.int();
    const id = reader.long();
    const password = reader.bytes();
    const isReadOnly = reader.left > 0 && reader.bool(); // servers before 3.4 say nothing of it
    if (version !== 0 || password.length > LONGEST_PASSWORD) throw new ProtocolError('greets us with what is no greeting');
    if (timeoutMs <= 0) {
      if (!this.#isKnown) throw new ProtocolError('gives us no session');
      return { kind: 'over', why: `the servers know session ${this.hexId} no more` };
    }
    if (this.#isKnown && id !== this.#id) {
      const given = BigInt.asUintN(64, id).toString(16);
      return { kind: 'over', why: `the servers know session ${this.hexId} no more, and gave us ${given}` };
    }
    if (isReadOnly && !this.#takesReadOnly) throw new ProtocolError('is read only, and that was not asked for');
    this.#id = id;
    this.#password = password;
    this.#timeoutMs = Math.min(timeoutMs, LONGEST_TIMEOUT_MS);
    this.#isKnown ||= !isReadOnly;
    return { kind: 'granted', isReadOnly };
  }
}
