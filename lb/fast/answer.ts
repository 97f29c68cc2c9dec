/**
 * The answer of an endpoint on its way to the app, in the buffer into which it was read: the head rewritten where it lies (rewrite.ts),
 * the body behind it, in one write where it came in one read.
 */
import { framingNames } from '../framing.js';
import { answerFields, linesOf, trailerFields, valuesOf, withoutNamed } from '../headers.js';
import { retryAfterOf } from '../retry-on.js';
import { AnswerHead } from './answer-head.js';
import { Body } from './body.js';
import type { Sink } from './chunks.js';
import type { Scanned } from './head.js';
import { rewrite } from './rewrite.js';
import { rawFields } from './strings.js';

/** Where it goes. False: the bytes have not left yet, and must stay as they are. */
export interface Outlet {
  write(bytes: Uint8Array | string): boolean;
  /** The same for what lies in `bytes` between `from` and `to`. */
  pass(bytes: Buffer, from: number, to: number): boolean;
}

/** What we put into the heads of answers. */
export class AnswerLines {
  readonly pseudonym: string;
  readonly #lines: readonly Buffer[];

  constructor(pseudonym: string) {
    this.pseudonym = pseudonym;
    const [via, chunked, close] = [`via: 1.1 ${pseudonym}\r\n`, 'transfer-encoding: chunked\r\n', 'connection: close\r\n'];
    this.#lines = [via, via + chunked, via + close, via + chunked + close].map((lines) => Buffer.from(lines, 'latin1'));
  }

  with(chunked: boolean, close: boolean): Buffer {
    return this.#lines[(chunked ? 1 : 0) + (close ? 2 : 0)]!;
  }
}

const nowhere: Sink = { pass: () => undefined, put: () => undefined };

/** An endpoint's own last words before a final answer that the app never hears: it has not asked to wait. */
const CONTINUE = 100;

export class Answer implements Sink {
  readonly head: AnswerHead;
  readonly body: Body;
  readonly #lines: AnswerLines;
  readonly #outlet: Outlet;
  #bytes: Buffer = Buffer.alloc(0);
  /** Something of it has come. */
  #begun = false;
  /** Where the head that has still to go begins; -1: it has gone. */
  #headFrom = -1;
  #left = true;

  constructor(lines: AnswerLines, outlet: Outlet, maxHeadBytes: number) {
    this.#lines = lines;
    this.#outlet = outlet;
    this.head = new AnswerHead(maxHeadBytes, Infinity);
    this.body = new Body(maxHeadBytes);
  }

  /** An answer is to come. */
  begin(): void {
    this.#begun = false;
  }

  /** Bytes have come, and lie between `from` and `to`, behind those that came before. */
  scan(bytes: Buffer, from: number, to: number): Scanned {
    if (!this.#begun) this.head.begin(from);
    this.#begun = true;
    return this.head.scan(bytes, to);
  }

  /** What the head says in Retry-After; `wall`: milliseconds since 1970. */
  retryAfterMs(bytes: Buffer, wall: number): number | undefined {
    const { start, end } = this.head;
    return retryAfterOf(valuesOf(rawFields(bytes, bytes.indexOf('\r\n', start) + 2, end), 'retry-after'), wall);
  }

  /** Whether all of it lies before `to`: a body that ends with its connection does where that has ended in order. */
  isWhole(bytes: Buffer, to: number, method: string, ended: boolean): boolean {
    const { head, body } = this;
    body.begin(method, head);
    body.take(bytes, head.end, to, nowhere);
    return body.done || (ended && body.framing === 'until_close');
  }

  /** Passes a head of 1xx on, and goes on behind it. Like a trailer, such a head may frame and route nothing. */
  inform(bytes: Buffer): boolean {
    const { start, end, status } = this.head;
    this.head.begin(end);
    if (status === CONTINUE) return true;
    const lineEnd = bytes.indexOf('\r\n', start);
    const fields = trailerFields(rawFields(bytes, lineEnd + 2, end));
    return this.#outlet.write(`${firstLine(bytes, start, lineEnd)}\r\n${linesOf(fields)}\r\n`);
  }

  /**
   * Passes the head on, and the body as far as it is here. `close`: the app's connection ends with it. Says where it ends among the bytes,
   * or `to`; -1: a field cannot be passed on, and nothing has been written.
   */
  passHead(bytes: Buffer, to: number, method: string, close: boolean): number {
    const { head, body } = this;
    this.#left = true;
    bytes[head.start + minorAt] = ONE; // what we speak, whatever the endpoint does
    body.begin(method, head);
    this.#bytes = bytes;
    const chunked = body.framing === 'until_close';
    const bare = body.framing === 'none' && (head.status === 204 || head.chunked);
    if (bare && head.framingLine >= 0) head.cutFraming();
    if (head.needsRules) {
      if (!this.#byRules(bytes, bare, chunked, close)) return -1;
    } else this.#headFrom = rewrite(bytes, head, 0, this.#lines.with(chunked, close));
    const end = body.take(bytes, head.end, to, this);
    this.#flushHead();
    return end;
  }

  /** More of the body has come. Where it ends among the bytes, or `to`. */
  passMore(bytes: Buffer, from: number, to: number): number {
    this.#left = true;
    this.#bytes = bytes;
    return this.body.take(bytes, from, to, this);
  }

  /** The endpoint has ended its connection. True: that was the end of the answer. */
  ended(): boolean {
    this.#left = true;
    return this.body.ended(this);
  }

  /** All that was last passed on has left. */
  get left(): boolean {
    return this.#left;
  }

  flushed(): void {
    this.#left = true;
  }

  pass(from: number, to: number): void {
    if (this.#headFrom >= 0 && from === this.head.end && from < to) {
      this.#send(this.#headFrom, to);
      this.#headFrom = -1;
    } else if (from < to) {
      this.#flushHead();
      this.#send(from, to);
    }
  }

  put(words: string): void {
    this.#flushHead();
    this.#left = this.#outlet.write(words) && this.#left;
  }

  #flushHead(): void {
    if (this.#headFrom < 0) return;
    this.#send(this.#headFrom, this.head.end);
    this.#headFrom = -1;
  }

  #send(from: number, to: number): void {
    this.#left = this.#outlet.pass(this.#bytes, from, to) && this.#left;
  }

  #byRules(bytes: Buffer, bare: boolean, chunked: boolean, close: boolean): boolean {
    const { start, end, chunked: came } = this.head;
    const lineEnd = bytes.indexOf('\r\n', start);
    const trailers = came && !bare;
    const raw = rawFields(bytes, lineEnd + 2, end);
    const fields = answerFields(raw, { version: '1.1', pseudonym: this.#lines.pseudonym, trailers });
    if (!Array.isArray(fields)) return false;
    const kept = bare ? withoutNamed(fields, framingNames) : fields;
    if (chunked) kept.push('transfer-encoding', 'chunked');
    if (close) kept.push('connection', 'close');
    this.put(`${firstLine(bytes, start, lineEnd)}\r\n${linesOf(kept)}\r\n`);
    return true;
  }
}

/** `HTTP/1.1 200 OK`: of our version, and with the space behind the status even where there is no reason. */
function firstLine(bytes: Buffer, start: number, end: number): string {
  return `HTTP/1.1${bytes.toString('latin1', start + minorAt + 1, end)}`.padEnd(statusLength);
}
const minorAt = 'HTTP/1.'.length;
const statusLength = 'HTTP/1.1 200 '.length;
const ONE = 0x31;
