/**
 * One connection to one server, plain or TLS: opens it, hands on whole frames, and ends once, with a reason that names the server. Knows no
 * session and no request.
 */
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { Frames } from './frames.js';
import { ProtocolError, TooLong } from './jute.js';
import type { Address } from './resolve.js';

/** How the server proves who it is, and we who we are. */
export type Tls = Pick<
  ConnectionOptions,
  'secureContext' | 'ca' | 'cert' | 'key' | 'passphrase' | 'checkServerIdentity' | 'minVersion'
>;

export interface ConnectionEvents {
  opened(): void;
  /** Some bytes came. */
  heard(): void;
  frame(frame: Buffer): void;
  /** The last that is heard; `why` names the server. `tooLong`: it said more at once than is taken. */
  ended(why: string, tooLong?: TooLong): void;
}

export class Connection {
  readonly label: string;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #frames: Frames;
  #isEnded = false;

  /** `limit`: the longest frame that is taken. */
  constructor(server: Address, tls: Tls | undefined, limit: number, events: ConnectionEvents) {
    this.label = server.label;
    this.#events = events;
    this.#frames = new Frames(limit);
    const socket = (this.#socket = openSocket(server, tls));
    socket.setNoDelay(true);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      if (!this.#isEnded) events.opened();
    });
    socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    socket.on('error', (error) => this.#end(inWords(error)));
    socket.on('close', () => this.#end('closed the connection'));
  }

  write(bytes: Uint8Array): void {
    if (!this.#isEnded) this.#socket.write(bytes);
  }

  /** `why` follows the server's name. */
  end(why: string): void {
    this.#end(why);
  }

  #hear(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#events.heard();
    try {
      this.#frames.push(chunk, (frame) => {
        if (!this.#isEnded) this.#events.frame(frame);
      });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end(error.message, error instanceof TooLong ? error : undefined);
    }
  }

  #end(why: string, tooLong?: TooLong): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#socket.destroy();
    this.#events.ended(`${this.label} ${why}`, tooLong);
  }
}

/** Plain, or TLS where there is one. */
export function openSocket({ host, port, name }: Address, tls: Tls | undefined): Socket {
  if (!tls) return connect({ host, port });
  const isName = name !== undefined && isIP(name) === 0;
  return connectTls({ ...tls, host, port, ...(isName && { servername: name }) });
}

/** To follow the server's name. */
function inWords(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'refuses the connection: nothing listens there';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'broke the connection off';
  return `fails: ${error.message}`;
}
