/** The server side of a websocket (RFC 6455), frame by frame, so that a test sees each as it came. The client side is undici's. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'undici';
import { RawServer, type Wire } from './raw.js';

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  readonly opcode: number;
  /** The last of its message. */
  readonly final: boolean;
  readonly payload: Buffer;
}

export class Peer {
  readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Frames of a client are masked. Rejects when the connection is over before a whole one. */
  async frame(): Promise<Frame> {
    const take = async (count: number): Promise<Buffer> => Buffer.from(await this.wire.bytes(count), 'latin1');
    const [first, second] = (await take(2)) as unknown as [number, number];
    const short = second & 0x7f;
    const length =
      short < 126 ? short : short === 126 ? (await take(2)).readUInt16BE() : Number((await take(8)).readBigUInt64BE());
    if ((second & 0x80) === 0) throw new Error('a frame of a client without a mask');
    const mask = await take(4);
    const payload = await take(length);
    for (let index = 0; index < length; index++) payload[index]! ^= mask[index % 4]!;
    return { opcode: first & 0x0f, final: (first & 0x80) !== 0, payload };
  }

  send(kind: number, payload: Buffer | string = '', final = true): void {
    const body = Buffer.from(payload);
    const length = Buffer.alloc(body.length < 126 ? 2 : body.length < 65_536 ? 4 : 10);
    length[0] = (final ? 0x80 : 0) | kind;
    length[1] = body.length < 126 ? body.length : body.length < 65_536 ? 126 : 127;
    if (length.length === 4) length.writeUInt16BE(body.length, 2);
    if (length.length === 10) length.writeBigUInt64BE(BigInt(body.length), 2);
    this.wire.write(Buffer.concat([length, body]));
  }

  close(code: number, reason: string): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(opcode.close, Buffer.concat([payload, Buffer.from(reason)]));
  }
}

/** `script` runs for each connection after its handshake. */
export const webSocketServer = (script: (peer: Peer) => unknown): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    const [, key = ''] = /\r\nsec-websocket-key: *(\S+)/i.exec(await wire.head()) ?? [];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    wire.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    await script(new Peer(wire));
  });

/** Sends every message back as one, answers pings and a close. */
export const echo = async (peer: Peer): Promise<void> => {
  let message: Buffer[] = [];
  let kind = 0;
  for (;;) {
    const frame = await peer.frame();
    if (frame.opcode === opcode.ping) peer.send(opcode.pong, frame.payload);
    if (frame.opcode === opcode.close) {
      peer.send(opcode.close, frame.payload);
      return void peer.wire.end();
    }
    if (frame.opcode > opcode.binary) continue;
    if (frame.opcode !== opcode.continuation) [kind, message] = [frame.opcode, []];
    message.push(frame.payload);
    if (frame.final) peer.send(kind, Buffer.concat(message));
  }
};

/** An app: undici's client. */
export interface Client {
  readonly socket: WebSocket;
  /** The next message that has come. */
  message(): Promise<Buffer>;
  closed(): Promise<{ readonly code: number; readonly reason: string; readonly clean: boolean }>;
}

/** `at`: host, port and path. */
export const connected = async (at: string): Promise<Client> => {
  const socket = new WebSocket(`ws://${at}`);
  socket.binaryType = 'arraybuffer';
  const came: Buffer[] = [];
  let news = (): void => undefined;
  socket.addEventListener('message', ({ data }) => {
    came.push(Buffer.from(data as ArrayBuffer));
    news();
  });
  const close = once(socket as unknown as EventTarget, 'close') as Promise<[{ code: number; reason: string; wasClean: boolean }]>;
  await once(socket as unknown as EventTarget, 'open');
  return {
    socket,
    async message() {
      while (came.length === 0) await new Promise<void>((resolve) => (news = resolve));
      return came.shift()!;
    },
    async closed() {
      const [{ code, reason, wasClean: clean }] = await close;
      return { code, reason, clean };
    },
  };
};

/** A frame of a client, as bytes; its mask is nothing, so that they can be read. */
export function clientFrame(kind: number, payload = '', final = true): Buffer {
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | kind, 0x80 | payload.length, 0, 0, 0, 0]), Buffer.from(payload)]);
}
