/** A line between a client and a real server that splits what it carries, is slow, damages it, breaks, or answers by itself. In our process. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Frames } from '../../../../agent/registry/wire/frames.js';
import { Reader } from '../../../../agent/registry/wire/jute.js';
import { endsWithFile } from '../../../support/left-open.js';
import { asksForStatus, frame, framesOf } from './fake-server.js';

export interface Place {
  readonly host: string;
  readonly port: number;
}

const LIFTED = 256;

export class BadLine implements Place {
  readonly host = '127.0.0.1';
  readonly port: number;
  /** Bytes a piece; 0 for as it comes. */
  split = 0;
  /** Milliseconds before each piece. */
  delay = 0;
  /** Bytes a second of what the client says; 0 for as it comes. */
  upward = 0;
  /** May change what the server says. */
  damage: ((bytes: Buffer) => Buffer) | undefined;
  /** Is told of each request that goes to the server. */
  asked: ((op: number) => void) | undefined;
  /** Requests with this number never reach the server, which seems not to know them. */
  unknownOp: number | undefined;
  #isCut = false;
  readonly #server: Server;
  readonly #target: Place;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: Place) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#carry(client));
  }

  static async to(target: Place): Promise<BadLine> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const line = new BadLine(server, target);
    endsWithFile(() => line.#end());
    return line;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  async stop(): Promise<void> {
    this.#end();
    await once(this.#server, 'close');
  }

  #end(): void {
    this.cut();
    this.#server.close();
  }

  #carry(client: Socket): void {
    if (this.#isCut) return void client.destroy();
    const server = connect(this.#target.port, this.#target.host);
    let passed = Promise.resolve();
    let lifted = Promise.resolve();
    let isGreeted = false;
    const frames = new Frames(2 ** 24);
    server.on('data', (chunk: Buffer) => {
      passed = passed.then(() => this.#pass(client, this.damage?.(Buffer.from(chunk)) ?? chunk));
    });
    client.on('data', (chunk: Buffer) => {
      if (!isGreeted && asksForStatus(chunk)) return void server.write(chunk);
      frames.push(chunk);
      for (const body of framesOf(frames)) {
        const reader = new Reader(body);
        const whole = Buffer.concat([length(body), body]);
        if (!isGreeted) isGreeted = true;
        else {
          const [xid, op] = [reader.int(), reader.int()];
          if (op === this.unknownOp) {
            client.end(frame((writer) => writer.int(xid).long(0n).int(-6))); // as real ones do it
            return;
          }
          this.asked?.(op);
        }
        lifted = lifted.then(() => this.#lift(server, whole));
      }
    });
    for (const [one, other] of [[client, server] as const, [server, client] as const]) {
      one.setNoDelay(true);
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }

  async #lift(socket: Socket, bytes: Buffer): Promise<void> {
    const begun = performance.now();
    for (let at = 0; at < bytes.length && !socket.destroyed; at += LIFTED) {
      const piece = bytes.subarray(at, at + LIFTED);
      if (this.upward > 0) await sleep(begun + ((at + piece.length) / this.upward) * 1_000 - performance.now());
      socket.write(piece);
    }
  }

  async #pass(socket: Socket, bytes: Buffer): Promise<void> {
    const size = this.split || bytes.length;
    for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
      if (this.delay > 0) await sleep(this.delay, undefined, { ref: false });
      socket.write(bytes.subarray(at, at + size));
      if (this.split > 0) await new Promise(setImmediate); // or the pieces would be joined again
    }
  }
}

function length(body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(body.length);
  return head;
}
