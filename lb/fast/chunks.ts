/**
 * A chunked body on its way through. Its bytes go on as they came; taken out are extensions, and trailers that may not go on. Strict: a
 * size is hex digits and nothing else, CRLF is CRLF, extensions and trailers are bounded. A last chunk, and a size line of which a part
 * is still to come, are held back until they are whole, so that nobody sees the end of a body that then breaks.
 *
 *     size ──▶ [extension] ──▶ size_lf ──▶ data ──▶ data_cr ──▶ data_lf ──▶ size …
 *                                 └ 0 ──▶ last ──▶ last_lf ──▶ done
 *                                           └──▶ trailers ───────▲
 */
import { linesOf, trailerFields } from '../headers.js';
import { CR, Head, isText, isToken, LF } from './head.js';
import { known } from './names.js';
import { rawFields } from './strings.js';

/** Where the bytes of a body go. */
export interface Sink {
  /** These go on as they lie there. */
  pass(from: number, to: number): void;
  /** This is ours. */
  put(text: string): void;
}

type State =
  'size' | 'extension' | 'size_lf' | 'data' | 'data_cr' | 'data_lf' | 'last' | 'last_lf' | 'trailers' | 'done' | 'broken';

const mostDigits = 13;
const mostExtensionBytes = 16 * 1024;
const mostTrailerFields = 100;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class Chunks {
  state: State = 'size';
  /** Why it is broken, for a person. */
  fault = '';
  readonly #maxTrailerBytes: number;
  #size = 0;
  #digits = 0;
  /** What is left of the present chunk. */
  #left = 0;
  #extensionBytes = 0;
  /** Where in an extension: behind its `=`, in a quoted string, and behind which byte. */
  #valued = false;
  #quoted = false;
  #before = SEMICOLON;
  /** The present size line can go on as it lies there. */
  #asItCame = true;
  #trailers: Buffer | undefined;

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  begin(): void {
    this.#nextSize();
    this.fault = '';
    this.#extensionBytes = 0;
    this.#quoted = false;
    this.#trailers = undefined;
  }

  /** Takes the bytes from `from` to `to`. Where the body ends among them, or `to`. */
  take(bytes: Buffer, from: number, to: number, sink: Sink): number {
    let at = from;
    let run = from; // what can go on as it came begins here
    let line = from; // the present size line begins here
    while (at < to) {
      const byte = bytes[at]!;
      switch (this.state) {
        case 'data': {
          const count = Math.min(this.#left, to - at);
          this.#left -= count;
          at += count;
          if (this.#left === 0) this.state = 'data_cr';
          continue;
        }
        case 'data_cr':
          if (byte !== CR) return this.#broken('a chunk is longer than its size', sink, run, at);
          this.state = 'data_lf';
          break;
        case 'data_lf':
          if (byte !== LF) return this.#broken('a chunk does not end in CRLF', sink, run, at);
          this.#nextSize();
          line = at + 1;
          break;
        case 'size': {
          const digit = hexDigit(byte);
          if (digit >= 0) {
            if (++this.#digits > mostDigits) return this.#broken('a chunk is larger than any', sink, run, line);
            this.#size = this.#size * 16 + digit;
          } else if (this.#digits === 0 || (byte !== CR && byte !== SEMICOLON)) {
            return this.#broken('the size of a chunk is no number', sink, run, line);
          } else {
            this.state = byte === CR ? 'size_lf' : 'extension';
            if (byte === SEMICOLON) this.#extends();
          }
          break;
        }
        case 'extension':
          if (byte === CR && !this.#quoted && this.#before !== SEMICOLON) this.state = 'size_lf';
          else if (!this.#mayExtend(byte) || ++this.#extensionBytes > mostExtensionBytes)
            return this.#broken('the extensions of its chunks are odd', sink, run, line);
          break;
        case 'size_lf':
          if (byte !== LF) return this.#broken('the size of a chunk does not end in CRLF', sink, run, line);
          this.#left = this.#size;
          this.state = this.#size === 0 ? 'last' : 'data';
          if (this.#size > 0 && !this.#asItCame) {
            sink.pass(run, line);
            sink.put(`${this.#size.toString(16)}\r\n`);
            run = at + 1;
          }
          break;
        case 'last':
          if (byte === CR) {
            this.state = 'last_lf';
            break;
          }
          sink.pass(run, line);
          this.state = 'trailers';
          return this.#trailer(bytes, at, to, sink);
        case 'last_lf':
          if (byte !== LF) return this.#broken('its end is no CRLF', sink, run, line);
          this.state = 'done';
          at++;
          sink.pass(run, this.#asItCame ? at : line);
          if (!this.#asItCame) sink.put('0\r\n\r\n');
          return at;
        case 'trailers':
          return this.#trailer(bytes, at, to, sink);
        case 'done':
        case 'broken':
          return at;
      }
      at++;
    }
    if (this.state === 'data' || this.state === 'data_cr' || this.state === 'data_lf') sink.pass(run, to);
    else {
      sink.pass(run, line);
      this.#asItCame = this.state === 'size' && this.#digits === 0;
    }
    return to;
  }

  #nextSize(): void {
    this.state = 'size';
    this.#size = 0;
    this.#digits = 0;
    this.#asItCame = true;
  }

  #extends(): void {
    this.#asItCame = false;
    this.#valued = false;
    this.#before = SEMICOLON;
  }

  /** `;name` or `;name=value`. Both are tokens; the value may be a quoted string, with escapes. */
  #mayExtend(byte: number): boolean {
    const before = this.#before;
    this.#before = byte;
    if (this.#quoted) {
      if (before === BACKSLASH)
        this.#before = 0; // what it escapes means nothing else
      else if (byte === QUOTE) this.#quoted = false;
      return isText(byte);
    }
    if (byte === SEMICOLON) return !(this.#valued = false);
    if (byte === EQUALS) return !this.#valued && (this.#valued = true);
    if (byte === QUOTE) return (this.#quoted = before === EQUALS);
    return before !== QUOTE && isToken(byte);
  }

  #trailer(bytes: Buffer, from: number, to: number, sink: Sink): number {
    const before = this.#trailers?.length ?? 0;
    const came = bytes.subarray(from, to);
    const all = Buffer.concat(this.#trailers === undefined ? [came] : [this.#trailers, came]);
    const head = new TrailerHead(this.#maxTrailerBytes, mostTrailerFields);
    head.begin(0);
    const scanned = head.scan(all, all.length);
    if (scanned === 'odd') return this.#broken(`its trailers are odd: ${head.fault}`, sink, from, from);
    this.#trailers = all;
    if (scanned === 'more') return to;
    this.state = 'done';
    sink.put(`0\r\n${linesOf(trailerFields(rawFields(all, 0, head.end)))}\r\n`);
    return from + head.end - before;
  }

  #broken(fault: string, sink: Sink, from: number, to: number): number {
    sink.pass(from, to);
    this.state = 'broken';
    this.fault = fault;
    return to;
  }
}

/** Fields without a first line. */
class TrailerHead extends Head {
  protected override firstLine(): number {
    return this.start;
  }

  protected override field(name: number): boolean {
    const frames = name === known['content-length'] || name === known['transfer-encoding'];
    return !frames || this.oddField('there is a field of framing among them');
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
