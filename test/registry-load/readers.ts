/**
 * Who reads a service, each with a session of its own: zidecar, by what the sidecar itself follows a service with, and two that it is held
 * against. All speak by the same client, so that what differs is what they ask.
 */
import { dialects } from '../../agent/registry/dialects/dialects.js';
import { TreeRegistry } from '../../agent/registry/tree-registry.js';
import { openZooKeeper } from '../../agent/registry/zookeeper.js';
import { Client } from '../../agent/registry/wire/client.js';
import type { Server } from '../../agent/registry/wire/resolve.js';
import { Resolver } from '../../agent/registry/wire/resolve.js';
import { clock, random } from '../../agent/system.js';

export const SERVICE = 'orders';
export const PATH = `/services/${SERVICE}`;
export const SESSION_MS = 60_000;

export const kinds = ['naive', 'once', 'zidecar'] as const;
export type Kind = (typeof kinds)[number];

export interface Reader {
  /** Those that it has data of, sorted; undefined while it is not connected, or busy. */
  names(): string | undefined;
  close(): Promise<void>;
}

export const readers: Readonly<Record<Kind, (servers: readonly Server[]) => Reader>> = {
  naive: (servers) => new Plain(servers, true),
  once: (servers) => new Plain(servers, false),
  zidecar,
};

function zidecar(servers: readonly Server[]): Reader {
  const emit = (): void => undefined;
  const tree = openZooKeeper({
    ...{ servers, chroot: '', sessionTimeoutMs: SESSION_MS, client: { kind: 'wire' }, clock, random, emit },
  });
  const registry = new TreeRegistry({ tree, dialects, clock, random, emit });
  let names: string | undefined;
  registry.watch(SERVICE, { dialect: 'curator', path: PATH }, ({ instances, confirmed }) => {
    names = confirmed ? keyOf(instances.map(({ id }) => id)) : undefined;
  });
  return { names: () => names, close: () => tree.close() };
}

/**
 * Asks for the names at each change, as all readers do who have one-shot watches. `isNaive`: then for all nodes anew, each with a watch, and once
 * more after each connection; else once for each new one.
 */
class Plain implements Reader {
  readonly #client: Client;
  readonly #isNaive: boolean;
  readonly #known = new Map<string, Uint8Array>();
  #isUp = false;
  #isRead = false;
  #isBusy = false;
  #again = false;
  readonly #changed = (): void => void this.#read();

  constructor(servers: readonly Server[], isNaive: boolean) {
    this.#isNaive = isNaive;
    const resolver = new Resolver({ servers, clock, random, unresolved: () => undefined });
    this.#client = new Client(
      { find: () => resolver.resolve(), timeoutMs: SESSION_MS, clock, random },
      {
        up: () => {
          this.#isUp = true;
          if (isNaive || !this.#isRead) void this.#read();
        },
        down: () => (this.#isUp = false),
        over: (why) => {
          throw new Error(`a session is over: ${why}`);
        },
        trouble: () => undefined,
      },
    );
  }

  names(): string | undefined {
    return this.#isUp && this.#isRead && !this.#isBusy ? keyOf([...this.#known.keys()]) : undefined;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #read(): Promise<void> {
    this.#again = true;
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#again && this.#isUp) {
      this.#again = false;
      await this.#readOnce().catch(() => (this.#again = true)); // the connection was lost, or a node has gone meanwhile
    }
    this.#isBusy = false;
  }

  async #readOnce(): Promise<void> {
    const { names } = await this.#client.getChildren(PATH, this.#changed);
    const present = new Set(names);
    for (const name of this.#known.keys()) if (!present.has(name)) this.#known.delete(name);
    const wanted = this.#isNaive ? names : names.filter((name) => !this.#known.has(name));
    const watch = this.#isNaive ? this.#changed : undefined;
    await Promise.all(
      wanted.map(async (name) => this.#known.set(name, (await this.#client.getData(`${PATH}/${name}`, watch)).data)),
    );
    this.#isRead = true;
  }
}

export const keyOf = (names: readonly string[]): string => [...names].sort().join();
