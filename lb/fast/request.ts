/**
 * The request of a call: as it came, and as it goes to an endpoint. The bytes that came are kept until nobody can need them for another
 * attempt: the head always, of the body the first 64 KiB, as long as that is all of what was read.
 *
 *     came  ─▶ [ head │ body… ]  [ body… ]      one write where possible: the head rewritten (rewrite.ts), the body behind it
 */
import { replayBytes } from '../bounds.js';
import type { HashOn } from '../hash-key.js';
import { giveBack } from '../give-back.js';
import { durationOf, grpcDurationOf, wholeMs, withTimeLeft } from '../deadline.js';
import { countOf, linesOf, requestFields } from '../headers.js';
import type { CallParts } from '../lane.js';
import type { Connection } from './connection.js';
import { hashKeyIn } from './hash-key.js';
import { mostBytes, type Outbox } from './outbox.js';
import type { RequestHead } from './request-head.js';
import { RequestId } from '../request-id.js';
import { rewrite, room } from './rewrite.js';
import { rawFields } from './strings.js';
import { subsetOf, type Subset } from '../subset.js';
import type { Way } from './ways.js';

const none = Buffer.alloc(0);
const timeoutName = 'x-zidecar-timeout'.length;
const grpcTimeoutName = 'grpc-timeout'.length;
/** `x-zidecar-timeout: 86400000ms` and its end of line. */
const longestTimeout = timeoutName + 14;

export class Request {
  head: RequestHead;
  way!: Way;
  /** What the app asked for by x-zidecar-timeout or grpc-timeout, and by x-zidecar-retries. */
  timeoutMs: number | undefined;
  retries: number | undefined;
  /** And by x-zidecar-subset. */
  subset: Subset | undefined;
  /** What the policy goes by, where it goes by something of the request: see `hash`. */
  key: number | undefined;
  /** The app has given it an Idempotency-Key. */
  keyed = false;
  /** When its call has to be answered. */
  endsAt = Infinity;
  /** So much of its body is still to come from the app. */
  toCome = 0;
  /** All that has come of it is still here. */
  replayable = true;
  readonly #parts: CallParts;
  readonly #outbox: Outbox;
  readonly #id = new RequestId();
  #bytes: Buffer = none;
  /** What was sent of `bytes` was copied, so no write is on its way from there. */
  #copied = true;
  /** Where the body ends in `bytes`. */
  #end = 0;
  /** What came of the body later. */
  #more: Buffer[] = [];
  #keptBytes = 0;
  /** Head and id in words, where the rules of headers.ts had to be asked. */
  #words: { readonly line: string; readonly fields: readonly string[]; readonly requestId: string } | undefined;
  #connection: Connection | undefined;
  /** An app that asks for a subset mostly asks for the same one again. */
  #subsetText = '';
  #lastSubset: Subset | undefined;

  constructor(head: RequestHead, parts: CallParts, outbox: Outbox) {
    this.head = head;
    this.#parts = parts;
    this.#outbox = outbox;
  }

  /** `bytes` holds the head that was scanned, and of its body what there is up to `end`. False: this lane cannot carry it. */
  begin(bytes: Buffer, end: number, way: Way): boolean {
    const { head } = this;
    this.way = way;
    this.timeoutMs = undefined;
    this.retries = undefined;
    this.subset = undefined;
    this.key = undefined;
    this.keyed = head.keyed;
    this.#words = undefined;
    const forwards = head.forwardedFor && this.#parts.forwardedFor !== undefined;
    const shadows = head.forwardedPrefix && way.prefix !== undefined;
    const needsRules = head.needsRules || forwards || shadows || head.end - head.start > replayBytes;
    if (needsRules || !this.#asks(bytes)) {
      if (!this.#byRules(bytes)) return false;
    } else {
      if (way.cut > 0) head.cutTarget(way.cut);
      if (way.newHost) head.cutHost();
      if (head.requestIdStart < 0) this.#id.draw(this.#parts.random);
    }
    this.#bytes = bytes;
    this.#end = end;
    this.toCome = Math.max(head.length, 0) - (end - head.end);
    this.#keptBytes = end - head.end;
    this.replayable = true;
    this.#copied = true;
    return true;
  }

  /** It still will be when all of it has been sent. */
  get staysReplayable(): boolean {
    return this.replayable && this.head.length <= replayBytes;
  }

  /** Finds the key that the policy goes by. */
  hash(on: HashOn, caller: { readonly remoteAddress: string | undefined }): void {
    this.key = hashKeyIn(on, this.#bytes, this.head, this.way.cut, caller);
  }

  /** In words, for people. */
  get requestId(): string {
    if (this.#words !== undefined) return this.#words.requestId;
    const { requestIdStart, requestIdEnd } = this.head;
    return requestIdStart < 0 ? this.#id.toString() : this.#bytes.toString('latin1', requestIdStart, requestIdEnd);
  }

  /** As it goes to the endpoint. */
  get target(): string {
    return this.#bytes.toString('latin1', this.head.targetStart + this.way.cut, this.head.targetEnd);
  }

  /** What came of it waits for a connection, and is as much as is kept. */
  get full(): boolean {
    return this.#connection === undefined && this.#keptBytes >= replayBytes;
  }

  /** Sends all that has come, and from now on what comes. False: it has not left yet. */
  send(connection: Connection, now: number): boolean {
    this.#connection = connection;
    let left = this.#words === undefined ? this.#sendAsItCame(connection, now) : this.#sendWords(connection, now);
    for (const part of this.#more) left = connection.write(part) && left;
    this.#boundKept();
    return left;
  }

  /** More of the body has come. False: it has not left yet. */
  more(bytes: Buffer): boolean {
    this.toCome -= bytes.length;
    this.#keptBytes += bytes.length;
    if (this.replayable) this.#more.push(bytes);
    if (this.#connection === undefined) return true;
    this.#boundKept();
    const left = this.#connection.write(bytes);
    if (left && !this.replayable) giveBack(bytes);
    return left;
  }

  /** The attempt is over; what comes now waits for the next. */
  unsent(): void {
    this.#connection = undefined;
  }

  end(): void {
    this.#connection = undefined;
    if (this.#copied && this.#end === this.#bytes.length) giveBack(this.#bytes);
    this.#bytes = none;
    if (this.#more.length > 0) this.#more = [];
  }

  #boundKept(): void {
    if (this.#keptBytes <= replayBytes) return;
    this.replayable = false;
    this.#more = [];
  }

  #sendAsItCame(connection: Connection, now: number): boolean {
    const { head, way } = this;
    let { ours } = way;
    if (head.requestIdStart < 0) {
      ours = way.oursWithId;
      this.#id.write(ours, way.idAt);
    }
    if (this.timeoutMs !== undefined) ours = this.#withTimeLeft(ours, now);
    const outbox = this.#outbox;
    const fitting = Math.min(this.#end, head.start + mostBytes);
    const complete = fitting === this.#end && this.toCome === 0;
    if (!complete) outbox.flush();
    const at = outbox.place(fitting - head.start);
    const { bytes } = outbox;
    const whole = head.start === 0 && fitting === this.#bytes.length;
    bytes.set(whole ? this.#bytes : this.#bytes.subarray(head.start, fitting), at);
    const shift = at - head.start;
    const begin = rewrite(bytes, head, shift, ours);
    if (complete) {
      outbox.postPlaced(connection, begin, fitting + shift);
      return true;
    }
    const left = connection.write(bytes.subarray(begin, fitting + shift));
    if (!left) outbox.taken();
    return fitting === this.#end ? left : this.#sendFrom(fitting, connection) && left;
  }

  /** How much time is left goes before what is ours anyway, under the name as the app has spelled it. */
  #withTimeLeft(ours: Buffer, now: number): Buffer {
    const { timeoutLine, timeoutOfGrpc } = this.head;
    const name = this.#bytes.toString('latin1', timeoutLine, timeoutLine + (timeoutOfGrpc ? grpcTimeoutName : timeoutName));
    const line = `${name}: ${wholeMs(this.endsAt - now)}${timeoutOfGrpc ? 'm' : 'ms'}\r\n`;
    const all = Buffer.allocUnsafe(line.length + ours.length);
    all.write(line, 'latin1');
    all.set(ours, line.length);
    return all;
  }

  /** Reads what the app says to us. False: that has to be asked of the rules, which have the words for what is wrong. */
  #asks(bytes: Buffer): boolean {
    const { timeoutStart, timeoutEnd, timeoutOfGrpc, retriesStart, retriesEnd, subsetStart, subsetEnd } = this.head;
    if (timeoutStart >= 0) {
      if (this.way.oursWithId.length + longestTimeout > room) return false;
      const given = bytes.toString('latin1', timeoutStart, timeoutEnd);
      this.timeoutMs = timeoutOfGrpc ? grpcDurationOf(given) : durationOf(given);
      if (this.timeoutMs === undefined) return false;
    }
    if (retriesStart >= 0) {
      this.retries = countOf(bytes.toString('latin1', retriesStart, retriesEnd));
      if (this.retries === undefined) return false;
    }
    if (subsetStart < 0) return true;
    const text = bytes.toString('latin1', subsetStart, subsetEnd);
    if (text !== this.#subsetText) {
      this.#subsetText = text;
      this.#lastSubset = subsetOf(text);
    }
    this.subset = this.#lastSubset;
    return this.subset !== undefined;
  }

  #sendWords(connection: Connection, now: number): boolean {
    const { line, fields } = this.#words!;
    const told = this.timeoutMs === undefined ? fields : withTimeLeft(fields, this.endsAt - now);
    const head = `${line}${linesOf(told)}\r\n`;
    const { end } = this.head;
    const size = head.length + this.#end - end;
    if (this.toCome === 0 && size <= mostBytes) {
      const outbox = this.#outbox;
      const at = outbox.place(size);
      outbox.bytes.write(head, at, 'latin1');
      outbox.bytes.set(this.#bytes.subarray(end, this.#end), at + head.length);
      outbox.postPlaced(connection, at, at + size);
      return true;
    }
    const left = connection.write(Buffer.from(head, 'latin1'));
    return this.#end === end ? left : this.#sendFrom(end, connection) && left;
  }

  /** What is of the body from there on, as it lies. */
  #sendFrom(start: number, connection: Connection): boolean {
    this.#copied = false;
    return connection.write(this.#bytes.subarray(start, this.#end));
  }

  #byRules(bytes: Buffer): boolean {
    const { head, way } = this;
    const { pseudonym, forwardedFor, random } = this.#parts;
    const lines = bytes.indexOf('\r\n', head.start) + 2;
    const rules = { host: way.host, prefix: way.prefix, version: '1.1', pseudonym, forwardedFor, trailers: false } as const;
    const newRequestId = (): string => (this.#id.draw(random), this.#id.toString());
    const ruled = requestFields(rawFields(bytes, lines, head.end), { ...rules, newRequestId });
    if ('code' in ruled) return false;
    this.timeoutMs = ruled.timeoutMs;
    this.retries = ruled.retries;
    this.subset = ruled.subset;
    this.keyed = ruled.keyed;
    const target = bytes.toString('latin1', head.targetStart + way.cut, head.targetEnd);
    this.#words = { line: `${head.method} ${target} HTTP/1.1\r\n`, fields: ruled.fields, requestId: ruled.requestId };
    return true;
  }
}
