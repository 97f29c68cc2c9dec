/**
 * The head of a request, as far as this lane can carry it: a method of the usual ones, a path, an absolute http URL or `OPTIONS *`, HTTP/1.1,
 * a body with a length or none. Anything else is odd, and the full lane has the words for it.
 */
import { close, endOf, Head, keepAlive, lengthIn, more, SP } from './head.js';
import { is, known } from './names.js';

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS'] as const;
const methodBytes = methods.map((method) => Buffer.from(method));
const longestMethod = 7;

/** 1 where a byte may stand in a target: visible ASCII, and no fragment. */
const inTarget = new Uint8Array(256).fill(1, 0x21, 0x7f);
inTarget['#'.charCodeAt(0)] = 0;

const http = Buffer.from('http://');
const SLASH = 0x2f;
export const ASTERISK = 0x2a;

const version = Buffer.from(' HTTP/1.1\r\n');
const h2c = Buffer.from('h2c');
const longestRequestId = 128;

export class RequestHead extends Head {
  method: string = 'GET';
  targetStart = 0;
  targetEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  /** The target is not a path, but `http://name/…`. */
  absolute = false;
  /** The line of the Host field; -1: there is none. */
  hostLine = -1;
  hostLineEnd = -1;
  /** Of an id that is good enough to be kept; -1: there is none. */
  requestIdStart = -1;
  requestIdEnd = -1;
  forwardedFor = false;
  forwardedPrefix = false;
  /** The app says by Idempotency-Key that doing it twice does no harm. */
  keyed = false;
  /** What it says to us, where it says so once: lines that do not go on. -1: nothing. `timeoutLine`: where that one begins, with its name. */
  timeoutLine = -1;
  timeoutStart = -1;
  timeoutEnd = -1;
  /** It says so by grpc-timeout. */
  timeoutOfGrpc = false;
  retriesStart = -1;
  retriesEnd = -1;
  subsetStart = -1;
  subsetEnd = -1;

  override begin(start: number): void {
    super.begin(start);
    this.hostLine = -1;
    this.requestIdStart = -1;
    this.forwardedFor = false;
    this.forwardedPrefix = false;
    this.keyed = false;
    this.timeoutStart = -1;
    this.retriesStart = -1;
    this.subsetStart = -1;
  }

  /** The line of the Host field does not go on. */
  cutHost(): void {
    this.cutPart(this.hostLine, this.hostLineEnd);
  }

  /** The first bytes of the target do not go on. */
  cutTarget(count: number): void {
    this.cutPart(this.targetStart, this.targetStart + count);
  }

  protected override firstLine(bytes: Uint8Array, to: number): number {
    let at = this.start;
    while (at < to && bytes[at] !== SP && at - this.start <= longestMethod) at++;
    if (at === to) return more;
    const method = methodAt(bytes, this.start, at);
    if (method === undefined) return this.oddLine('a method that is not one of the usual');
    this.method = method;
    this.targetStart = at + 1;
    this.targetEnd = at = endOf(inTarget, bytes, at + 1, to);
    if (at === to) return more;
    this.absolute = bytes[this.targetStart] !== SLASH;
    if (this.absolute && !is(bytes, this.targetStart, http)) {
      if (!this.#isServer(bytes)) return this.oddLine('a target of another form');
      this.absolute = false;
    }
    for (let index = 0; index < version.length; index++) {
      if (at === to) return more;
      if (bytes[at++] !== version[index]) return this.oddLine('a first line that is not of HTTP/1.1');
    }
    return at;
  }

  protected override field(name: number, bytes: Uint8Array, from: number, to: number, line: number): boolean {
    switch (name) {
      case known.host:
        if (this.hostLine >= 0 || from === to) return this.oddField('no Host or two of them');
        this.hostLine = line;
        this.hostLineEnd = this.at;
        this.hostStart = from;
        this.hostEnd = to;
        return true;
      case known['content-length']:
        if (this.length >= 0) return this.oddField('two lengths');
        this.length = lengthIn(bytes, from, to);
        return this.length >= 0 || this.oddField('a length that is none');
      case known['transfer-encoding']:
      case known.expect:
        return this.oddField('a body that is not plain');
      case known.upgrade:
        // which may be ignored (RFC 9110, 7.8), and is offered by some clients with each first request
        return to - from === h2c.length && is(bytes, from, h2c) ? this.cut(line) : this.oddField('an upgrade');
      case known.connection:
        if (to - from === keepAlive.length && is(bytes, from, keepAlive)) return this.cut(line);
        if (to - from === close.length && is(bytes, from, close)) this.close = true;
        else this.connectionOptions(bytes, from, to);
        return this.cut(line);
      case known['keep-alive']:
      case known['proxy-connection']:
      case known.te:
      case known.trailer:
        return this.cut(line);
      case known['x-request-id']:
        if (this.requestIdStart >= 0 || !isRequestId(bytes, from, to)) this.needsRules = true;
        this.requestIdStart = from;
        this.requestIdEnd = to;
        return true;
      case known['x-forwarded-for']:
        return (this.forwardedFor = true);
      case known['x-forwarded-prefix']:
        return (this.forwardedPrefix = true);
      case known['idempotency-key']:
        if (this.keyed || from === to) this.needsRules = true;
        return (this.keyed = true);
      case known['max-forwards']:
        return this.method !== 'OPTIONS' || this.oddField('a count of how far it may go');
      case known['x-zidecar-timeout']:
      case known['grpc-timeout']:
        this.timeoutOfGrpc = name === known['grpc-timeout'];
        if (this.timeoutStart >= 0) this.needsRules = true;
        this.timeoutLine = line;
        this.timeoutStart = from;
        this.timeoutEnd = to;
        return this.cut(line);
      case known['x-zidecar-retries']:
        if (this.retriesStart >= 0) this.needsRules = true;
        this.retriesStart = from;
        this.retriesEnd = to;
        return this.cut(line);
      case known['x-zidecar-subset']:
        if (this.subsetStart >= 0) this.needsRules = true;
        this.subsetStart = from;
        this.subsetEnd = to;
        return this.cut(line);
      case known.via:
        return (this.needsRules = true);
      default:
        return true;
    }
  }

  /** `OPTIONS *` asks for nothing but the server itself. */
  #isServer(bytes: Uint8Array): boolean {
    return this.method === 'OPTIONS' && this.targetEnd - this.targetStart === 1 && bytes[this.targetStart] === ASTERISK;
  }
}

function methodAt(bytes: Uint8Array, from: number, to: number): string | undefined {
  for (let index = 0; index < methods.length; index++) {
    const method = methodBytes[index]!;
    if (method.length !== to - from) continue;
    let same = 0;
    while (same < method.length && bytes[from + same] === method[same]) same++;
    if (same === method.length) return methods[index];
  }
  return undefined;
}

/** As headers.ts has it: one token of up to 128 visible characters. */
function isRequestId(bytes: Uint8Array, from: number, to: number): boolean {
  if (from === to || to - from > longestRequestId) return false;
  for (let at = from; at < to; at++) if (bytes[at]! <= SP || bytes[at]! > 0x7e) return false;
  return true;
}
