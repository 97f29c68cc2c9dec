/**
 * A server of a protocol like a database's, in which the server speaks first: packets of a length, a number in their order and a payload,
 * as MySQL frames them. It greets with its name, wants a login, and answers each query with its own name and the query, in as many packets
 * as the query asks for. And the client to it, which breaks off loudly when anything is out of order.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** One end of such a connection. */
class Packets {
  readonly socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #order = 0;
  #news: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#news();
    });
    for (const event of ['end', 'error', 'close']) socket.on(event, () => this.#news());
  }

  write(payload: string): void {
    const head = Buffer.alloc(4);
    head.writeUIntLE(Buffer.byteLength(payload), 0, 3);
    head[3] = this.#order++ % 256;
    this.socket.write(Buffer.concat([head, Buffer.from(payload)]));
  }

  /** Rejects when the connection is over before a whole packet. */
  async read(): Promise<string> {
    for (;;) {
      const length = this.#bytes.length < 4 ? Infinity : this.#bytes.readUIntLE(0, 3);
      if (this.#bytes.length >= 4 + length) {
        if (this.#bytes[3] !== this.#order++ % 256) throw new Error('a packet is out of order');
        const payload = this.#bytes.toString('utf8', 4, 4 + length);
        this.#bytes = this.#bytes.subarray(4 + length);
        return payload;
      }
      if (this.socket.readableEnded || this.socket.destroyed) throw new Error('the connection is over');
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }
}

export interface Database {
  readonly port: number;
  /** Connections that are open now. */
  readonly sessions: number;
  stop(): Promise<void>;
}

export async function database(name: string): Promise<Database> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const packets = new Packets(socket);
    const serve = async (): Promise<void> => {
      packets.write(`${name} ready`);
      if ((await packets.read()) !== 'login') return void socket.destroy();
      packets.write('welcome');
      for (;;) {
        const query = await packets.read();
        const rows = Number(/^rows (\d+)$/.exec(query)?.[1] ?? 1);
        for (let row = 0; row < rows; row++) packets.write(`${name}: ${query}`);
      }
    };
    serve().catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get sessions() {
      return open.size;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Session {
  /** Who greeted us. */
  readonly name: string;
  query(text: string): Promise<string>;
  close(): Promise<void>;
}

/** A session that is logged in. `at`: `host:port`. */
export async function login(at: string): Promise<Session> {
  const [host = '', port = ''] = at.split(/:(?=\d+$)/);
  const packets = new Packets(connect({ host, port: Number(port), noDelay: true }));
  const [name = ''] = (await packets.read()).split(' ');
  packets.write('login');
  if ((await packets.read()) !== 'welcome') throw new Error('not let in');
  return {
    name,
    async query(text) {
      packets.write(text);
      const rows = Number(/^rows (\d+)$/.exec(text)?.[1] ?? 1);
      let last = '';
      for (let row = 0; row < rows; row++) last = await packets.read();
      return last;
    },
    async close() {
      packets.socket.end();
      if (!packets.socket.closed) await once(packets.socket, 'close');
    },
  };
}
