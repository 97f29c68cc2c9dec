/**
 * One connection of the app: takes the heads out of its bytes one after the other, and has one call at a time carried. What is not
 * plain makes it hand the socket on to the full lane, with all bytes that no call of this lane has used, for the rest of its life.
 *
 *     bytes ──▶ head whole? ──▶ a way, and plain? ──▶ call ──▶ over ──▶ next head
 *                 │ odd              │ no
 *                 └───── handOver ◀──┘
 *
 * While a call runs, what comes behind it is not read on: of pipelined requests three reads are held at most (192 KiB: the one in which the call
 * began, the one that shows that there is more, and the one that node has under way by then), and the next follows when they are used up.
 */
import type { Socket } from 'node:net';
import { lingerMs, refusalBytes } from '../farewell.js';
import type { Entrance } from '../lane.js';
import { refusalAnswer } from '../refusal.js';
import { tellStray } from '../story.js';
import { Call } from './call.js';
import type { Caller, CallTerms, Rest } from './caller.js';
import { mostTogether, type Reader } from './inbox.js';
import type { Sender } from './outbox.js';
import { RequestHead } from './request-head.js';
import { putBack, tap } from '../tap.js';
import type { Way, Ways } from './ways.js';

export interface VisitTerms extends CallTerms {
  readonly ways: Ways;
  readonly headerTimeoutMs: number | undefined;
  /** How long an app may go on with a body after it has the whole answer. */
  readonly uploadLingerMs: number;
  readonly handOver: (visit: Visit) => void;
  readonly left: (visit: Visit) => void;
}

/** So much of a request waits for the end of the turn: a read that node's buffer was enough for. */
const mostWaiting = 64 * 1024 - 1;
const nothing = Buffer.alloc(0);
/** A head that begins with it is of a GET, which may be sent again. */
const G = 0x47;

export class Visit implements Caller, Reader, Sender {
  readonly socket: Socket;
  waits = false;
  readonly entrance: Entrance;
  readonly #terms: VisitTerms;
  readonly #head: RequestHead;
  readonly #call: Call;
  readonly #untap: () => void;
  /** Of its last call. */
  #way: Way | undefined;
  /** What waits for the end of the turn. */
  #arrived: Buffer | undefined;
  /** Bytes that no call has used yet; the next head begins at `from`. */
  #unread: Buffer | undefined;
  #from = 0;
  /** So much is still to come of a body that nobody wants any more. */
  #unwanted = 0;
  #lingerMs = 0;
  /** Some of a head has come, and not all. */
  #inHead = false;
  #paused = false;
  /** Waits for the app to read refusals. */
  #blocked = false;
  #ending = false;
  /** The app has ended its side behind requests that wait: the one that runs is answered, and no other. */
  #left = false;
  /** A call of its was carried, so that it may wait for its next. */
  #used = false;
  /** When the present wait of the app began: idle, in the middle of a head, or of an unwanted body. */
  #since = 0;

  constructor(socket: Socket, entrance: Entrance, terms: VisitTerms) {
    this.socket = socket;
    this.entrance = entrance;
    this.#terms = terms;
    this.#head = new RequestHead(terms.maxHeadBytes, terms.parts.maxFields);
    this.#head.begin(0);
    this.#call = new Call(this, this.#head, terms);
    this.#startWaiting(terms.headerTimeoutMs, terms.clock.now());
    this.#untap = tap(socket, this.#data, () => !this.#paused, this.work);
    socket.on('end', this.#end).on('error', this.#error).on('close', this.#closed);
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  readonly #data = (bytes: Buffer): void => {
    if (this.#ending) return;
    const before = this.#arrived;
    this.#arrived = before === undefined ? bytes : Buffer.concat([before, bytes]);
    if (!this.#call.idle || this.#arrived.length > mostWaiting) this.work();
    else if (before === undefined) this.#terms.inbox.addRequest(this, this.#unread !== undefined || bytes[0] !== G);
  };

  readonly work = (): void => {
    const bytes = this.#arrived;
    if (bytes === undefined || this.#ending) return;
    this.#arrived = undefined;
    const { length } = bytes; // they may be given back
    const count = this.#taken(bytes);
    if (count === length) return;
    const rest = count === 0 ? bytes : bytes.subarray(count);
    this.#unread = this.#unread === undefined ? rest : Buffer.concat([this.#stillUnread(this.#unread), rest]);
    if (this.#call.idle) this.#next();
    else this.pause();
  };

  /** The calls that have been are left behind. */
  #stillUnread(bytes: Buffer): Buffer {
    if (this.#from === 0) return bytes;
    const unread = bytes.subarray(this.#from);
    this.#from = 0;
    if (this.#call.idle) this.#head.begin(0); // the part of a head that is here is read again
    return unread;
  }

  /** How many of them are of the body of the call, or of one that nobody wants any more. */
  #taken(bytes: Buffer): number {
    if (!this.#call.idle) return this.#call.body(bytes);
    const count = Math.min(this.#unwanted, bytes.length);
    this.#unwanted -= count;
    return count;
  }

  /** Begins calls as long as there are heads and none has to wait. */
  #next(): void {
    while (this.#unread !== undefined && this.#call.idle && !this.#ending) {
      if (this.socket.writableNeedDrain) return this.#waitForDrain();
      const bytes = this.#unread;
      const scanned = this.#head.scan(bytes, bytes.length);
      if (scanned === 'more') {
        this.resume();
        return this.#waitForHead();
      }
      const way = scanned === 'whole' ? this.#terms.ways.find(bytes, this.#head, this.#way) : undefined;
      if (way === undefined) return this.#handOver();
      this.#way = way;
      this.#inHead = false;
      const end = Math.min(this.#head.end + Math.max(this.#head.length, 0), bytes.length);
      const before = this.#from;
      this.#unread = end < bytes.length ? bytes : undefined;
      this.#from = end < bytes.length ? end : 0;
      if (this.#unread === undefined) this.resume();
      else if (bytes.length > mostWaiting) this.pause();
      if (!this.#call.begin(bytes, end, way)) {
        this.#unread = bytes;
        this.#from = before;
        return this.#handOver();
      }
    }
  }

  /** Answers are waited for by their calls; refusals are not, so of an app that does not read them nothing is read either. */
  #waitForDrain(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.pause();
    this.socket.once('drain', () => {
      this.#blocked = false;
      this.#next();
    });
  }

  /** The time of a head runs from its first byte, and that of the first head from the beginning of the connection. */
  #waitForHead(): void {
    if (this.#inHead) return;
    this.#inHead = true;
    if (this.#used) this.#startWaiting(this.#terms.headerTimeoutMs, this.#terms.clock.now());
  }

  over({ now, close, toCome, lingerMs }: Rest): void {
    const { uploadLingerMs, clientIdleTimeoutMs } = this.#terms;
    this.#used = true;
    if (close || this.#left || !this.socket.writable) return this.#farewell(this.#head.close && toCome === 0);
    this.#unwanted = toCome;
    this.#lingerMs = Math.min(lingerMs ?? uploadLingerMs, uploadLingerMs);
    this.#startWaiting(toCome > 0 ? this.#lingerMs : clientIdleTimeoutMs, now);
    if (this.#unread === undefined) {
      this.#from = 0;
      this.resume();
    } else queueMicrotask(() => this.#next());
    this.#head.begin(this.#from);
  }

  pass(bytes: Buffer, from: number, to: number): boolean {
    if (to - from > mostTogether || this.socket.writableLength > 0) return this.write(bytes.subarray(from, to));
    return this.#terms.inbox.post(this, bytes, from, to);
  }

  write(bytes: Uint8Array | string): boolean {
    this.#terms.outbox.flush();
    this.socket.write(bytes, 'latin1');
    if (this.socket.writableLength === 0) return true;
    this.#terms.inbox.taken(bytes);
    this.socket.write(nothing, this.#written);
    return false;
  }

  /** Whatever comes next finds the socket full, and waits: see `write` and `#next`. */
  stuck(message: Uint8Array): void {
    this.#terms.inbox.taken(message);
  }

  readonly #written = (error?: Error | null): void => {
    if (!error && this.socket.writableLength === 0) this.#call.drained();
  };

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resume();
  }

  cut(): void {
    this.#ending = true;
    this.#terms.outbox.flush();
    this.socket.destroy();
  }

  /** Nothing is under way: an idle connection ends. What is on its way is served first, and is then the last. */
  drain(): void {
    if (this.#call.idle && this.#arrived === undefined && this.#unread === undefined && this.#unwanted === 0) this.#farewell();
  }

  /** Acts on what is overdue; the time at which something is due. */
  look(now: number): number {
    if (!this.#call.idle) return this.#call.look(now);
    const due = this.#since + (this.#patienceMs ?? Infinity);
    if (now < due) return due;
    if (this.#ending || this.#unread === undefined || this.#blocked) this.cut();
    else this.#tooSlow();
    return Infinity;
  }

  get #patienceMs(): number | undefined {
    const { headerTimeoutMs, clientIdleTimeoutMs } = this.#terms;
    if (this.#ending) return lingerMs;
    if (this.#unwanted > 0) return this.#lingerMs;
    if (this.#blocked) return clientIdleTimeoutMs;
    return this.#unread !== undefined || !this.#used ? headerTimeoutMs : clientIdleTimeoutMs;
  }

  #tooSlow(): void {
    const message = 'the head of the request did not come in time (ZIDECAR_HEADER_TIMEOUT)';
    const refused = { code: 'header_timeout', message } as const;
    tellStray(refused.code, this.#terms.parts);
    this.#terms.outbox.flush();
    this.socket.write(refusalBytes(refusalAnswer(refused, { close: true })));
    this.#farewell();
  }

  /** As endPolitely does it, by the timer of the lane. `said`: the app says that it sends no more; what is small lies with it by now, even if it does. */
  #farewell(said = false): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#paused = false;
    this.#terms.outbox.flush();
    if (said && this.socket.bytesWritten <= mostTogether && this.socket.writableLength === 0) return void this.socket.destroy();
    this.socket.end().resume();
    this.#startWaiting(lingerMs, this.#terms.clock.now());
  }

  #startWaiting(ms: number | undefined, now: number): void {
    this.#since = now;
    if (ms !== undefined) this.#terms.deadlines.by(now + ms);
  }

  #handOver(): void {
    const { socket } = this;
    this.#terms.outbox.flush();
    this.#untap();
    socket.off('end', this.#end).off('error', this.#error).off('close', this.#closed);
    socket.pause();
    putBack(socket, this.#unread?.subarray(this.#from), this.#arrived);
    this.#terms.handOver(this);
  }

  /** The app ends its side: that is its going away, as node and nginx take it; not from a call that it had sent more requests behind. */
  readonly #end = (): void => {
    if (this.#ending) this.socket.destroy();
    else if (this.#call.idle) this.#farewell();
    else if (this.#unread !== undefined) this.#left = true;
    else if (!this.#call.lastBytesOnTheirWay()) this.cut();
  };

  readonly #error = (): void => void this.socket.destroy();

  readonly #closed = (): void => {
    this.#ending = true;
    this.#call.gone();
    this.#terms.left(this);
  };
}
