/**
 * A TCP forwarder between a client and a server that tests put in the way: it can cut the connections and take no more, carry nothing and tell
 * nobody, let bytes only trickle, and end the session that went through it behind the client's back, as an expiry does.
 *
 * It runs in a process of its own, this same file: the native client blocks ours while it closes a session, and would wait for itself.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { withoutOurSockets } from '../../agent/inherited.js';
import { dieWithUs, holding } from './die-with-us.js';

/** Where a ConnectResponse has the session's id and its password; in a ConnectRequest both begin 8 bytes later. */
const CREDENTIALS = { from: 12, to: 40 } as const;

type Op = 'cut' | 'silence' | 'part' | 'forget' | 'heal' | 'trickle' | 'endSession' | 'replaceSessions';

export class Cuttable {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async to({ host, port }: { readonly host: string; readonly port: number }): Promise<Cuttable> {
    const child = withoutOurSockets(['ignore', 'inherit', 'inherit', 'ipc'], (stdio) =>
      fork(fileURLToPath(import.meta.url), ['forward', host, String(port)], { stdio }),
    );
    dieWithUs(child);
    const [listening] = (await holding(once(child, 'message'))) as [number];
    return new Cuttable(child, listening);
  }

  /** Resets what is open, and whoever comes. */
  cut(): Promise<void> {
    return this.#tell('cut');
  }

  /** Resets what is open; whoever comes from now on is taken, and not answered. */
  silence(): Promise<void> {
    return this.#tell('silence');
  }

  /** As a network does it that loses packets: what is open stays so, nothing comes through, and whoever comes is not answered. */
  part(): Promise<void> {
    return this.#tell('part');
  }

  /** As a firewall does it that has forgotten them: nothing comes through what is open any more, and whoever comes is carried. */
  forget(): Promise<void> {
    return this.#tell('forget');
  }

  /** What was sent over a parted line comes late. */
  heal(): Promise<void> {
    return this.#tell('heal');
  }

  /** From now on what the server says is passed on in pieces of a few hundred bytes, one each millisecond. */
  trickle(): Promise<void> {
    return this.#tell('trickle');
  }

  /**
   * Takes over the client's session on a connection of its own, and closes it. Resolves when the server has done so; until then nobody is
   * let through, since a client that is back at once would take its session over before it is closed.
   */
  endSession(): Promise<void> {
    return this.#tell('endSession');
  }

  /** Whoever asks for his session back from now on is given a new one by the server, and not told that the old one is gone. */
  replaceSessions(): Promise<void> {
    return this.#tell('replaceSessions');
  }

  async stop(): Promise<void> {
    const ended = holding(once(this.#child, 'exit'));
    this.#child.kill('SIGKILL');
    await ended;
  }

  async #tell(op: Op): Promise<void> {
    const answered = holding(once(this.#child, 'message')) as Promise<[string]>;
    this.#child.send(op);
    const [fault] = await answered;
    if (fault !== '') throw new Error(`${op}: ${fault}`);
  }
}

class Forwarder {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #unanswered: Socket[] = [];
  #isCut = false;
  #isParted = false;
  #credentials: Buffer | undefined;
  #isTrickling = false;
  #isReplacing = false;
  #sessionEnded = Promise.resolve();

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (client) => {
      client.on('error', () => undefined);
      void this.#sessionEnded.then(() => this.#carry(client));
    });
  }

  static async to(target: { readonly host: string; readonly port: number }): Promise<Forwarder> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Forwarder(server, target);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  silence(): void {
    this.#isParted = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  part(): void {
    this.#isParted = true;
    this.forget();
  }

  forget(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  heal(): void {
    this.#isCut = this.#isParted = false;
    for (const socket of this.#sockets) socket.resume();
    for (const socket of this.#unanswered.splice(0)) socket.destroy();
  }

  trickle(): void {
    this.#isTrickling = true;
  }

  replaceSessions(): void {
    this.#isReplacing = true;
  }

  endSession(): Promise<void> {
    const ended = this.#endSession();
    this.#sessionEnded = ended.catch(() => undefined);
    return ended;
  }

  async #endSession(): Promise<void> {
    if (!this.#credentials) throw new Error('no session went through here yet');
    const socket = connect(this.#target.port, this.#target.host);
    const handshake = Buffer.alloc(20); // length, protocol 0, zxid 0, timeout; then the session's id and its password
    handshake.writeInt32BE(44, 0);
    handshake.writeInt32BE(4_000, 16);
    const close = Buffer.alloc(12);
    close.writeInt32BE(8, 0);
    close.writeInt32BE(1, 4);
    close.writeInt32BE(-11, 8);
    socket.write(Buffer.concat([handshake, this.#credentials]));
    await once(socket, 'data');
    let answers = 0;
    socket.on('data', () => (answers += 1)).write(close);
    await once(socket, 'close');
    if (answers === 0) throw new Error('the server has not closed the session');
  }

  #carry(client: Socket): void {
    if (this.#isCut) return void client.resetAndDestroy();
    if (this.#isParted) return void this.#unanswered.push(client.pause());
    const server = connect(this.#target.port, this.#target.host);
    let isFirst = true;
    let passedOn = Promise.resolve();
    server.on('data', (chunk: Buffer) => {
      if (isFirst && chunk.length >= CREDENTIALS.to) this.#credentials = chunk.subarray(CREDENTIALS.from, CREDENTIALS.to);
      isFirst = false;
      if (this.#isTrickling) passedOn = passedOn.then(() => trickle(client, chunk));
      else client.write(chunk);
    });
    let greeting: Buffer | undefined = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      if (greeting === undefined) return void server.write(chunk);
      // the native client sends its length by itself, so it may come in two pieces
      greeting = Buffer.concat([greeting, chunk]);
      if (greeting.length < CREDENTIALS.to + 8) return;
      if (this.#isReplacing) {
        greeting.fill(0, CREDENTIALS.from + 8, CREDENTIALS.from + 16); // an id of 0 asks for a new one
        greeting.fill(0, CREDENTIALS.from + 20, CREDENTIALS.to + 8);
      }
      server.write(greeting);
      greeting = undefined;
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
}

async function trickle(socket: Socket, bytes: Buffer): Promise<void> {
  for (let from = 0; from < bytes.length && !socket.destroyed; from += 300) {
    socket.write(bytes.subarray(from, from + 300));
    await sleep(1);
  }
}

const [, , role, host, port] = process.argv;
if (role === 'forward' && host !== undefined) {
  const forwarder = await Forwarder.to({ host, port: Number(port) });
  process.on('message', (op: Op) => {
    void (async () => forwarder[op]())().then(
      () => process.send!(''),
      (error: unknown) => process.send!((error as Error).message),
    );
  });
  process.on('disconnect', () => process.exit());
  process.send!(forwarder.port);
}
