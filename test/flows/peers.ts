/** Peers that misbehave on command, as instances in a folder, and a sidecar that calls them. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/ports.js';
import { Sidecar, eventually } from '../support/program.js';

export type Mood = 'well' | 'dead' | 'hangs' | 'resets' | 'fails' | 'talks_nonsense' | 'slow' | 'closes';

/** One peer: answers requests without a body by its name, or as its mood is. */
export class Peer {
  readonly name: string;
  mood: Mood = 'well';
  /** Requests that have come, checks left out. */
  asked = 0;
  port = 0;
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  constructor(name: string) {
    this.name = name;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    if (this.port === 0) this.port = await freePort(); // nobody else's while it is dead
    await once(server.listen(this.port, '127.0.0.1'), 'listening');
  }

  /** Nobody listens any more, and whoever was connected is cut. */
  die(): void {
    this.#server?.close();
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    let unread = '';
    socket.on('error', () => undefined).on('close', () => this.#open.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      unread += bytes.toString('latin1');
      for (let end = unread.indexOf('\r\n\r\n'); end >= 0; end = unread.indexOf('\r\n\r\n')) {
        if (!unread.startsWith('GET /health ')) this.asked++;
        unread = unread.slice(end + 4);
        this.#answer(socket);
      }
    });
  }

  #answer(socket: Socket): void {
    const answer = (status: string): void =>
      void socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${this.name.length}\r\n\r\n${this.name}`);
    switch (this.mood) {
      case 'hangs':
        return;
      case 'resets':
        return void socket.resetAndDestroy();
      case 'fails':
        return answer('500 Internal Server Error');
      case 'talks_nonsense':
        return void socket.write('220 mail.example ESMTP\r\n\r\n');
      case 'slow':
        setTimeout(() => answer('200 OK'), 400);
        return;
      case 'closes': // a while after it has answered, and without having said so
        answer('200 OK');
        setTimeout(() => socket.end(), 5);
        return;
      default:
        return answer('200 OK');
    }
  }
}

export interface House {
  readonly peers: readonly Peer[];
  readonly sidecar: Sidecar;
  readonly at: string;
  readonly end: () => Promise<void>;
}

export async function listeningPeers(count: number): Promise<readonly Peer[]> {
  const peers = Array.from({ length: count }, (_, index) => new Peer(`p${index + 1}`));
  for (const peer of peers) await peer.listen();
  return peers;
}

/** So many peers of the service `orders`, and a sidecar that knows them all. */
export async function peersAndCaller(count: number, env: Readonly<Record<string, string>> = {}): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
  const services = join(folder, 'services', 'orders');
  await mkdir(services, { recursive: true });
  const peers = await listeningPeers(count);
  for (const { name, port } of peers) await writeFile(join(services, name), JSON.stringify({ address: '127.0.0.1', port }));
  const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_UPSTREAMS: 'orders', ...env });
  const at = await sidecar.at('outbound');
  await eventually(async () => (await endpointsOf(sidecar)).length === count);
  const end = async (): Promise<void> => {
    sidecar.kill();
    for (const peer of peers) peer.die();
    await rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  };
  return { peers, sidecar, at, end };
}

export interface ShownEndpoint {
  readonly id: string;
  readonly circuit: string;
  readonly ejectedUntil: string | null;
}

export const endpointsOf = async (sidecar: Sidecar): Promise<readonly ShownEndpoint[]> =>
  (await sidecar.get<{ upstreams: { endpoints: ShownEndpoint[] }[] }>('/upstreams')).upstreams[0]?.endpoints ?? [];
