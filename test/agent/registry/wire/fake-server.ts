/**
 * A server that says what a test wants, right or wrong, on a real socket and in our process. By itself it greets with a session and answers
 * nothing; a test gives it `onRequest`, or writes bytes of its own.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Frames } from '../../../../agent/registry/wire/frames.js';
import { Reader, Writer } from '../../../../agent/registry/wire/jute.js';
import type { Address } from '../../../../agent/registry/wire/resolve.js';
import { endsWithFile } from '../../../support/left-open.js';

export interface Asked {
  readonly xid: number;
  readonly op: number;
  readonly body: Reader;
}

/** One connection of the client's. */
export class Guest {
  readonly socket: Socket;
  /** What it greeted us with. */
  greeting: { readonly zxid: bigint; readonly timeoutMs: number; readonly id: bigint; readonly password: Buffer } | undefined;
  readonly asked: Asked[] = [];
  /** A server answers nothing before it has greeted, though it may have been asked by then. */
  hasSpoken = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** It did not greet us, and a server can make nothing of that. */
  confuse(asked: Asked): void {
    this.asked.push(asked);
    this.socket.destroy();
  }

  /** One frame. */
  say(write: (writer: Writer) => void): void {
    this.hasSpoken = true;
    this.socket.write(frame(write));
  }

  greet(id: bigint, timeoutMs: number, password: Uint8Array = Buffer.alloc(16)): void {
    this.say((writer) => writer.int(0).int(timeoutMs).long(id).bytes(password).bool(false));
  }

  answer(xid: number, error = 0, body: (writer: Writer) => void = () => undefined, zxid = 1n): void {
    this.say((writer) => {
      writer.int(xid).long(zxid).int(error);
      if (error === 0) body(writer);
    });
  }

  event(type: number, path: string): void {
    this.say((writer) => writer.int(-1).long(-1n).int(0).int(type).int(3).text(path));
  }
}

export const frame = (write: (writer: Writer) => void): Buffer => {
  const writer = new Writer();
  const from = writer.open();
  write(writer);
  writer.close(from);
  return writer.take();
};

export function* framesOf(frames: Frames): Generator<Buffer> {
  for (let body = frames.next(); body; body = frames.next()) yield body;
}

export interface Script {
  readonly id?: bigint;
  readonly timeoutMs?: number;
  /** In place of the greeting. */
  readonly onGreeting?: (guest: Guest) => void;
  /** For everything but pings, which are answered. */
  readonly onRequest?: (guest: Guest, asked: Asked) => void;
  readonly answersPings?: boolean;
  /** What it says to `srvr`; without it, it hangs up. */
  readonly srvr?: string;
}

const PING = -2;

/** In place of a greeting, with or without an end of its line: whoever asks sends that a while later, and both may come at once. */
export const asksForStatus = (chunk: Buffer): boolean => chunk.toString('latin1', 0, 4) === 'srvr';

export class FakeServer implements Address {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly label: string;
  readonly guests: Guest[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.label = `fake:${this.port}`;
  }

  static async start(script: Script = {}): Promise<FakeServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const fake = new FakeServer(server);
    server.on('connection', (socket) => fake.#welcome(socket, script));
    endsWithFile(() => fake.#end());
    return fake;
  }

  async stop(): Promise<void> {
    this.#end();
    await once(this.#server, 'close');
  }

  #end(): void {
    for (const { socket } of this.guests) socket.destroy();
    this.#server.close();
  }

  #welcome(
    socket: Socket,
    { id = 0x1234n, timeoutMs = 6_000, onGreeting, onRequest, answersPings = true, srvr = '' }: Script,
  ): void {
    const guest = new Guest(socket.setNoDelay(true));
    this.guests.push(guest);
    const frames = new Frames(2 ** 20);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      if (asksForStatus(chunk)) {
        if (srvr === '') socket.destroy();
        else socket.end(srvr);
        return;
      }
      frames.push(chunk);
      for (const bytes of framesOf(frames)) {
        const body = new Reader(bytes);
        if (!guest.greeting) {
          const version = body.int();
          if (version !== 0) return guest.confuse({ xid: version, op: body.int(), body });
          guest.greeting = { zxid: body.long(), timeoutMs: body.int(), id: body.long(), password: body.bytes() };
          if (onGreeting) onGreeting(guest);
          else guest.greet(id, timeoutMs);
          continue;
        }
        const asked = { xid: body.int(), op: body.int(), body };
        guest.asked.push(asked);
        if (asked.xid === PING && answersPings && guest.hasSpoken) guest.answer(PING);
        else if (asked.xid !== PING || !answersPings) onRequest?.(guest, asked);
      }
    });
  }
}

/** A stat of a node without data, for answers. */
export const writeStat = (writer: Writer): void => {
  for (const value of [1n, 1n, 0n, 0n]) writer.long(value);
  for (const value of [0, 0, 0]) writer.int(value);
  writer.long(0n).int(0).int(0).long(1n);
};
