/**
 * One connection to one server, plain or TLS: opens it, hands on whole frames, and ends once, with a reason that names the server. Hands on no
 * more at a time than others of this process can wait for, and reads no more meanwhile. Knows no session and no request.
 */
import { connect, isIP } from 'node:net';
import type { OnReadOpts, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { Frames } from './frames.js';
import { ProtocolError, TooLong } from './jute.js';
import type { Address } from './resolve.js';
import { AT_ONCE } from './turns.js';
import type { Pieces, Turns } from './turns.js';

/** How the server proves who it is, and we who we are. */
export type Tls = Pick<
  ConnectionOptions,
  'secureContext' | 'ca' | 'cert' | 'key' | 'passphrase' | 'checkServerIdentity' | 'minVersion'
>;

/** What is read at one time. */
const MEMORY_BYTES = 64 * 1024;
/** The last that a socket has for now, and done before anybody could miss his turn: a hundred answers at the most. */
const FEW_BYTES = 4 * 1024;

export interface ConnectionEvents {
  opened(): void;
  /** Some bytes came, or we come to more of what had come: it was we who kept it waiting. */
  heard(): void;
  /** Answers with what is left to do about it before the next one. The bytes are good until then. */
  frame(frame: Buffer): Pieces | undefined;
  /** So much of the next frame has come, which is not whole yet. The bytes are good until then. */
  begun?(frame: Buffer): void;
  /** The last that is heard; `why` names the server. `tooLong`: it said more at once than is taken. */
  ended(why: string, tooLong?: TooLong): void;
}

export class Connection {
  readonly label: string;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #frames: Frames;
  readonly #turns: Turns;
  /** Where the next bytes go. Node's own way is new memory of this size for each answer, however short: V8 then collects garbage ten times a second. */
  #memory = Buffer.allocUnsafeSlow(MEMORY_BYTES);
  /** Of the frame that was handed on last. */
  #left: Pieces | undefined;
  #isResting = false;
  /** Why nothing more will come. What came before that is handed on first. */
  #lostBy: string | undefined;
  #isEnded = false;

  /** `limit`: the longest frame that is taken. */
  constructor(server: Address, tls: Tls | undefined, limit: number, turns: Turns, events: ConnectionEvents) {
    this.label = server.label;
    this.#turns = turns;
    this.#events = events;
    this.#frames = new Frames(limit);
    const socket = (this.#socket = openSocket(server, tls, {
      buffer: () => this.#free(),
      callback: (size, memory) => this.#hear(Buffer.from(memory.buffer, memory.byteOffset, size)),
    }));
    socket.setNoDelay(true);
    let isAgreed = tls === undefined;
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      isAgreed = true;
      if (!this.#isEnded) events.opened();
    });
    socket.on('error', (error) => (this.#lostBy = inWords(error)));
    socket.on('close', () => {
      this.#lostBy ??= 'closed the connection';
      if (!isAgreed && SILENT.has(this.#lostBy)) this.#lostBy += ' before TLS was agreed on: is that its port for TLS?';
      if (!this.#isResting) this.#work();
    });
  }

  write(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#socket.write(bytes);
  }

  /** `why` follows the server's name. */
  end(why: string): void {
    this.#end(why);
  }

  /** True: there may be more. */
  #hear(chunk: Buffer): true {
    if (this.#isEnded) return true;
    this.#events.heard();
    this.#frames.push(chunk);
    if (!this.#isResting) this.#work();
    this.#frames.keep();
    return true;
  }

  /** The same each time, but for a frame that is not read to its end yet. */
  #free(): Buffer {
    if (this.#left) this.#memory = Buffer.allocUnsafeSlow(MEMORY_BYTES);
    return this.#memory;
  }

  /** Goes on with what has come: some of it, then those who waited for that, then the next. */
  #work(): void {
    let isBulk = this.#frames.held > FEW_BYTES || this.#left !== undefined;
    try {
      for (let done = 0; !this.#isEnded; done++) {
        if (isBulk && (done === AT_ONCE || this.#turns.isOver)) return this.#rest();
        if (this.#left) {
          if (this.#left.next().done === true) this.#left = undefined;
          else isBulk = true;
          continue;
        }
        const frame = this.#frames.next();
        if (frame) this.#left = this.#events.frame(frame);
        else if (this.#lostBy !== undefined) this.#end(this.#lostBy);
        else return this.#frames.held > 0 ? this.#events.begun?.(this.#frames.begun) : undefined;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end(error.message, error instanceof TooLong ? error : undefined);
    }
  }

  #rest(): void {
    const { isOver } = this.#turns;
    this.#isResting = true;
    if (isOver) this.#socket.pause();
    this.#turns.next(() => {
      this.#isResting = false;
      if (isOver) this.#socket.resume();
      if (isOver && !this.#isEnded) this.#events.heard();
      this.#work();
    });
  }

  #end(why: string, tooLong?: TooLong): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#socket.destroy();
    this.#events.ended(`${this.label} ${why}`, tooLong);
  }
}

/** Plain, or TLS where there is one. `onread`: where what is read goes, in place of `data`. */
export function openSocket({ host, port, name }: Address, tls: Tls | undefined, onread?: OnReadOpts): Socket {
  const to = { host, port, ...(onread && { onread }) };
  if (!tls) return connect(to);
  const isName = name !== undefined && isIP(name) === 0;
  return connectTls({ ...tls, ...to, ...(isName && { servername: name }) });
}

/** How it ends what it says of a certificate. */
export const NOT_NAMED = 'it has to be asked for by a name that its certificate has';
export const NOT_TRUSTED = 'no authority that is trusted here vouches for its certificate';

/** To follow the server's name. */
function inWords(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'refuses the connection: nothing listens there';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'broke the connection off';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `fails: ${error.message}: ${NOT_NAMED}`;
  if (code !== undefined && UNKNOWN_ISSUER.has(code)) return `fails: ${error.message}: ${NOT_TRUSTED}`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'does not speak TLS: is that its port for TLS?';
  return `fails: ${error.message.trim()}`; // OpenSSL ends its sentences with a line
}

const SILENT = new Set(['broke the connection off', 'closed the connection']);
const UNKNOWN_ISSUER = new Set([
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'CERT_SIGNATURE_FAILURE'],
]);
