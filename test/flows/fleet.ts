/** Sidecars and apps of one suite, on whatever registry it has: what a fleet's tests stand on. */
import { after, before } from 'node:test';
import { app, type App } from '../support/calls.js';
import { eventually, Sidecar } from '../support/program.js';
import { ensemble, requireZooKeeper, ZooKeeperServer } from '../support/zookeeper.js';

interface Upstreams {
  readonly upstreams: readonly { readonly name: string; readonly endpoints: readonly { readonly id: string }[] }[];
}

export class Fleet {
  readonly #client: string;
  readonly #zookeeper: () => string;
  readonly #sidecars: Sidecar[] = [];
  readonly apps: App[] = [];

  constructor(client: string, zookeeper: () => string) {
    this.#client = client;
    this.#zookeeper = zookeeper;
  }

  start(env: Record<string, string>, command: readonly string[] = []): Sidecar {
    const sidecar = Sidecar.start(
      { ZIDECAR_ZOOKEEPER: this.#zookeeper(), ZIDECAR_ZOOKEEPER_CLIENT: this.#client, ...env },
      command,
    );
    this.#sidecars.push(sidecar);
    return sidecar;
  }

  async app(name: string): Promise<App> {
    const made = await app(name);
    this.apps.push(made);
    return made;
  }

  async instance(service: string, id: string, env: Record<string, string> = {}): Promise<Sidecar> {
    const { port } = await this.app(id);
    const sidecar = this.start({
      ZIDECAR_SERVICE: service,
      ZIDECAR_INSTANCE_ID: id,
      ZIDECAR_APP_PORT: String(port),
      ZIDECAR_OUTBOUND: 'off',
      ...env,
    });
    await sidecar.fact('announced');
    return sidecar;
  }

  async caller(service: string, endpoints: number, env: Record<string, string> = {}): Promise<{ sidecar: Sidecar; at: string }> {
    const sidecar = this.start({ ZIDECAR_UPSTREAMS: service, ...env });
    await this.routable(sidecar, endpoints);
    return { sidecar, at: await sidecar.at('outbound') };
  }

  routable(sidecar: Sidecar, count: number): Promise<boolean> {
    return eventually(async () => (await sidecar.get<Upstreams>('/upstreams')).upstreams[0]?.endpoints.length === count);
  }

  async end(): Promise<void> {
    for (const sidecar of this.#sidecars) sidecar.kill();
    await Promise.all(this.apps.map((each) => each.close()));
  }
}

export interface Grounds {
  readonly fleet: Fleet;
  readonly servers: readonly ZooKeeperServer[];
  /** The first of them. */
  readonly server: ZooKeeperServer;
}

/** For a suite: one server or an ensemble, and a fleet on it. They come before its tests and go after them. */
export function grounds(client: string, count = 1): Grounds {
  let servers: readonly ZooKeeperServer[] = [];
  const fleet = new Fleet(client, () => servers.map(({ connect }) => connect).join(','));
  before(async () => {
    requireZooKeeper();
    servers = count === 1 ? [await ZooKeeperServer.start()] : await ensemble(count);
  });
  after(async () => {
    await fleet.end();
    await Promise.all(servers.map((server) => server.remove()));
  });
  return {
    fleet,
    get servers() {
      return servers;
    },
    get server() {
      return servers[0]!;
    },
  };
}

export const connected = (sidecar: Sidecar): Promise<boolean> =>
  eventually(async () => (await sidecar.get<{ state: string }>('/session')).state === 'connected');
