/**
 * Ends of TCP connections for tests of the wire: bytes in, bytes out, nothing parsed behind the test's back. `Wire` is one end of a
 * connection, `RawServer` an endpoint whose every connection runs a script.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../lb/endpoint.js';
import { hearsResets } from '../../lb/reset.js';

export class Wire {
  readonly socket: Socket;
  /** What has come and was not taken yet. */
  #came: Buffer[] = [];
  #count = 0;
  #state: 'open' | 'ended' | 'broken' = 'open';
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    hearsResets(socket);
    socket.on('data', (chunk: Buffer) => {
      this.#came.push(chunk);
      this.#count += chunk.length;
      this.#tell();
    });
    socket.on('end', () => this.#now('ended'));
    socket.on('error', () => this.#now('broken'));
    socket.on('close', () => this.#tell());
  }

  /** A connection of an app. `at`: a port of the loopback, or the path of a socket. */
  static async dial(at: number | string): Promise<Wire> {
    const socket =
      typeof at === 'number'
        ? connect({ port: at, host: '127.0.0.1', allowHalfOpen: true })
        : connect({ path: at, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  write(...parts: readonly (string | Buffer)[]): this {
    for (const part of parts) this.socket.write(part, 'latin1');
    return this;
  }

  /** Takes what comes up to and with `mark`. Rejects, with what there is, when the connection ends before. */
  until(mark: string): Promise<string> {
    return this.#take(() => {
      const at = this.#joined().indexOf(mark, 0, 'latin1');
      return at < 0 ? undefined : at + mark.length;
    }, JSON.stringify(mark));
  }

  /** The head of a message, with its empty line. */
  head(): Promise<string> {
    return this.until('\r\n\r\n');
  }

  bytes(count: number): Promise<string> {
    return this.#take(() => (this.#count >= count ? count : undefined), `${count} bytes`);
  }

  /** A whole answer or request with a Content-Length or without a body. */
  async message(): Promise<string> {
    const head = await this.head();
    const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    return head + (await this.bytes(Number(length)));
  }

  /** Everything up to the end of the connection, and how it ended. */
  async rest(): Promise<{ readonly text: string; readonly end: 'ended' | 'broken' }> {
    while (!this.over) await this.news();
    const text = this.unread;
    this.#taken(this.#count);
    return { text, end: this.#state === 'broken' ? 'broken' : 'ended' };
  }

  /** Bytes that are here and were not taken. */
  get unread(): string {
    return this.#joined().toString('latin1');
  }

  /** The other side has ended or broken the connection. */
  get over(): boolean {
    return this.#state !== 'open' || this.socket.closed;
  }

  /** Our side ends in order. */
  end(): this {
    this.socket.end();
    return this;
  }

  /** Breaks the connection with a RST. (`resetAndDestroy` would send what is pending and a FIN before it.) */
  reset(): void {
    Object.assign(this.socket, { resetAndClosing: true });
    this.socket.destroy();
  }

  /** Resolves when the other side has ended or broken the connection. */
  async gone(): Promise<void> {
    while (!this.over) await this.news();
  }

  async #take(reach: () => number | undefined, what: string): Promise<string> {
    for (;;) {
      const count = reach();
      if (count !== undefined) {
        const text = this.#joined().toString('latin1', 0, count);
        this.#taken(count);
        return text;
      }
      if (this.over)
        throw new Error(`the connection ${this.#state} before ${what}, after ${JSON.stringify(this.unread.slice(0, 2000))}`);
      await this.news();
    }
  }

  /** In one piece; joined when somebody looks, not whenever some comes. */
  #joined(): Buffer {
    if (this.#came.length !== 1) this.#came = [Buffer.concat(this.#came)];
    return this.#came[0]!;
  }

  #taken(count: number): void {
    this.#came = [this.#joined().subarray(count)];
    this.#count -= count;
  }

  #now(state: 'ended' | 'broken'): void {
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves when something has come, or the connection has ended. */
  news(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }
}

export class RawServer {
  /** Every connection that was made, in order. */
  readonly wires: Wire[] = [];
  /** What a script threw. A test that uses a script should look. */
  readonly errors: unknown[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `script` runs for each connection; `nth` counts them from 0. */
  static async start(script: (wire: Wire, nth: number) => unknown, port = 0): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const raw = new RawServer(server);
    server.on('connection', (socket) => {
      const wire = new Wire(socket);
      raw.wires.push(wire);
      Promise.resolve(script(wire, raw.wires.length - 1)).catch((error: unknown) => raw.errors.push(error));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return raw;
  }

  /** Answers every request of every connection with these bytes, forever. */
  static always(answer: string): Promise<RawServer> {
    return RawServer.start(async (wire) => {
      for (;;) {
        await wire.message();
        wire.write(answer);
      }
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  endpoint(id: string, weight = 1): Endpoint {
    return { id, host: '127.0.0.1', port: this.port, weight, meta: {} };
  }

  async stop(): Promise<void> {
    for (const { socket } of this.wires) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
