/**
 * Stands before undici's parser, and lets it see only answers that it reads as everybody does. What undici would do otherwise:
 *
 * - it takes a `100 Continue` that nobody asked for (RFC 9110, 15.2.1) for a broken answer: here it is dropped;
 * - it passes over empty lines before an answer, and takes HTTP/2.0 and RTSP/1.0 for HTTP/1.1: here the first line must be one;
 * - it reads a reason as UTF-8, which it may be or not, and keeps the last part only of one that comes in parts: here the bytes are kept;
 * - it drops chunk extensions, however long they are: here what is no data of the body is counted.
 *
 *     first line ──▶ 1xx: the whole head, then a first line again
 *         └▶ final: passed on as it comes, and counted
 */
import type { Socket } from 'node:net';

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: ([\t -~\x80-\xff]*))?$/;
const beginning = 'HTTP/1.';
const fields = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)*\r\n$/;
const partOfLine = /^[\t -~\x80-\xff]*\r?$/;
const nothing = Buffer.alloc(0);
const CONTINUE = '100';

/** Beyond head and trailers, so much may come that is no data: the extensions of all chunks, and for each piece of data its size. */
const mostExtensionBytes = 16 * 1024;
const ofOneSize = 32;

/** What undici's parser throws has this name too. */
export class GateError extends Error {
  override readonly name = 'HTTPParserError';
}

export class AnswerGate {
  /** The final head is of HTTP/1.0. */
  old = false;
  readonly #maxHeadBytes: number;
  #open = true;
  #held: Buffer = nothing;
  /** Of the heads that were seen and not asked for yet. */
  readonly #reasons: string[] = [];
  /** Since the final head began: bytes that were no data, and how many there may be. */
  #overhead = 0;
  #allowed = Infinity;

  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes;
  }

  /** What comes next is an answer. */
  begin(): void {
    this.#open = false;
    this.#held = nothing;
    this.#reasons.length = 0;
    this.#overhead = 0;
    this.#allowed = 2 * this.#maxHeadBytes + mostExtensionBytes;
  }

  /** What may be seen of the bytes, now that these have come; all that was seen before has been parsed. Throws a GateError. */
  take(chunk: Buffer): Buffer {
    if (!this.#open) return this.#heads(chunk);
    if (this.#overhead > this.#allowed) throw new GateError('its chunks are more extension than data');
    this.#overhead += chunk.length;
    return chunk;
  }

  #heads(chunk: Buffer): Buffer {
    let bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const seen: Buffer[] = [];
    for (;;) {
      const head = this.#nextHead(bytes);
      if (head === undefined) {
        this.#held = bytes;
        break;
      }
      seen.push(head);
      if (this.#open) break;
      bytes = bytes.subarray(head.length);
      if (head.toString('latin1', 9, 12) === CONTINUE) seen.pop();
    }
    return Buffer.concat(seen);
  }

  /** What the next head says behind its status, each byte a character. Asked once for each head that has been parsed. */
  reason(): string {
    return this.#reasons.shift() ?? '';
  }

  /** So much of what was seen was data. */
  data(length: number): void {
    this.#overhead -= length;
    this.#allowed += ofOneSize;
  }

  /** These were seen and not parsed: they come again. */
  back(length: number): void {
    this.#overhead -= length;
  }

  /** A head of 1xx, or all there is if a final one begins; undefined: it is not here yet. */
  #nextHead(bytes: Buffer): Buffer | undefined {
    if (!beginning.startsWith(bytes.toString('latin1', 0, beginning.length))) throw new GateError('it is not HTTP/1.1');
    const lineEnd = bytes.indexOf('\r\n');
    const line = bytes.toString('latin1', 0, lineEnd < 0 ? bytes.length : lineEnd);
    if (lineEnd > this.#maxHeadBytes) throw new GateError('its head is too large');
    if (lineEnd < 0) return this.#bounded(bytes, partOfLine.test(line));
    const [, minor, status = '', reason = ''] = statusLine.exec(line) ?? [];
    if (minor === undefined) throw new GateError(`its first line is ${JSON.stringify(line.slice(0, 100))}`);
    if (!status.startsWith('1') || status === '101') {
      this.#open = true;
      this.#reasons.push(reason);
      this.old = minor === '0';
      this.#overhead = bytes.length;
      return bytes;
    }
    const end = bytes.indexOf('\r\n\r\n', lineEnd);
    if (end < 0) return this.#bounded(bytes, true);
    if (!fields.test(bytes.toString('latin1', lineEnd + 2, end + 4))) throw new GateError('a head of 1xx is no head');
    if (status !== CONTINUE) this.#reasons.push(reason);
    return bytes.subarray(0, end + 4);
  }

  #bounded(bytes: Buffer, wellFormed: boolean): undefined {
    if (!wellFormed) throw new GateError('there is a control character in its first line');
    if (bytes.length > this.#maxHeadBytes) throw new GateError('its head is too large');
  }
}

/** Puts a gate before what undici reads from `socket`. An answer that may not be seen breaks the connection. */
export function guarded(socket: Socket, maxHeadBytes: number): AnswerGate {
  const gate = new AnswerGate(maxHeadBytes);
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  const unshift = socket.unshift.bind(socket);
  socket.read = (size?: number): Buffer | null => {
    for (let chunk = read(size); chunk !== null; chunk = read(size)) {
      try {
        const seen = gate.take(chunk);
        if (seen.length > 0) return seen;
      } catch (error) {
        socket.destroy(error as Error);
        return null;
      }
    }
    return null;
  };
  socket.unshift = (chunk: Buffer): void => {
    gate.back(chunk.length);
    unshift(chunk);
  };
  return gate;
}
