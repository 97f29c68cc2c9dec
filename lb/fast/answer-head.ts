/**
 * The head of an endpoint's answer. What is odd in it makes the answer one that cannot be passed on, and `fault` says in words what it
 * is. How the body is framed follows from it and from what was asked: see body.ts.
 */
import { close, CR, digits, Head, isText, keepAlive, lengthIn, LF, more, SP } from './head.js';
import { is, known } from './names.js';

const http1 = Buffer.from('HTTP/1.');
const chunkedWord = Buffer.from('chunked');
const timeout = Buffer.from('timeout=');
const eventStream = Buffer.from('text/event-stream');
const noTime = -1;

export class AnswerHead extends Head {
  status = 0;
  chunked = false;
  /** How long the endpoint keeps this connection, as it says; -1: it does not say. */
  keepAliveMs = noTime;
  /** It is of HTTP/1.0. */
  #old = false;
  /** May be silent for as long as it likes. */
  eventStream = false;
  /** The line that frames the body; -1: there is none. */
  framingLine = -1;
  framingLineEnd = -1;

  override begin(start: number): void {
    super.begin(start);
    this.chunked = false;
    this.keepAliveMs = noTime;
    this.eventStream = false;
    this.framingLine = -1;
  }

  /** The line that frames the body does not go on. */
  cutFraming(): void {
    this.cutPart(this.framingLine, this.framingLineEnd);
  }

  /** `HTTP/1.1 200 OK`; the reason, and the space before it, may be missing. */
  protected override firstLine(bytes: Uint8Array, to: number): number {
    let at = this.start;
    for (let index = 0; index < http1.length; index++) {
      if (at === to) return more;
      if (bytes[at++] !== http1[index]) return this.oddLine('it is not HTTP/1.1');
    }
    if (at + 6 > to) return more;
    const minor = bytes[at]! - 0x30;
    if ((minor !== 0 && minor !== 1) || bytes[at + 1] !== SP) return this.oddLine('it is not HTTP/1.1');
    this.#old = minor === 0;
    this.close = this.#old;
    this.status = digits(bytes, at + 2, at + 5);
    at += 5;
    if (this.status < 100 || this.status > 599 || (bytes[at] !== SP && bytes[at] !== CR))
      return this.oddLine(`the status ${Buffer.from(bytes.subarray(at - 3, at + 1)).toString('latin1')} is none of an answer`);
    this.needsRules = bytes[at] === CR; // the space must go on, also if there is no reason
    while (at < to && isText(bytes[at]!)) at++;
    if (at === to || (bytes[at] === CR && at + 1 === to)) return more;
    return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : this.oddLine('there is a control character in its first line');
  }

  protected override field(name: number, bytes: Uint8Array, from: number, to: number, line: number): boolean {
    switch (name) {
      case known['content-length']:
        if (this.length >= 0) return this.oddField('there is more than one Content-Length');
        if (this.chunked) return this.oddField('there is a Content-Length beside a Transfer-Encoding');
        this.length = lengthIn(bytes, from, to);
        return this.length >= 0 ? this.#framing(line) : this.oddField('the Content-Length is no number of bytes');
      case known['transfer-encoding']:
        if (this.length >= 0) return this.oddField('there is a Content-Length beside a Transfer-Encoding');
        if (this.#old) return this.oddField('there is a Transfer-Encoding, which HTTP/1.0 does not know');
        if (this.chunked || to - from !== chunkedWord.length || !is(bytes, from, chunkedWord))
          return this.oddField('the Transfer-Encoding is not one "chunked"');
        this.chunked = true;
        return this.#framing(line);
      case known.connection:
        if (to - from === keepAlive.length && is(bytes, from, keepAlive)) return this.cut(line);
        if (to - from === close.length && is(bytes, from, close)) this.close = true;
        else this.connectionOptions(bytes, from, to);
        return this.cut(line);
      case known['keep-alive']:
        if (is(bytes, from, timeout)) this.keepAliveMs = secondsAt(bytes, from + timeout.length, to);
        return this.cut(line);
      case known['content-type']:
        if (to - from >= eventStream.length && is(bytes, from, eventStream)) this.eventStream = true;
        return true;
      case known['proxy-connection']:
      case known.te:
      case known.upgrade:
      case known['x-zidecar-error']:
        return this.cut(line);
      case known.trailer:
        return (this.needsRules = true);
      default:
        return true;
    }
  }

  #framing(line: number): true {
    this.framingLine = line;
    this.framingLineEnd = this.at;
    return true;
  }
}

/** The number that begins at `from`, as seconds. */
function secondsAt(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  const seconds = digits(bytes, from, at);
  return seconds < 0 ? noTime : seconds * 1000;
}
