/**
 * The servers that the user named, as the addresses that they have just now: all of them, in an order drawn anew each time.
 *
 * They are asked for anew before every round of attempts, since servers that were started anew may have new addresses. A name that cannot be
 * resolved, or a DNS that is slow with one name, must not keep us from the servers whose addresses are known. What this machine has no
 * route to (an IPv6 address where there is none) is left out: the native client, given such an address first, stands still for ever.
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock, Random } from './ports.js';

export interface Server {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** One place to connect to; `host` is an address. */
export interface Address extends Server {
  /** For a person: `zk1:2181 (10.0.0.1)`, or `10.0.0.1:2181` where no name was given. */
  readonly label: string;
  /** The name that was given, where one was. */
  readonly name?: string;
}

/** All addresses of a name. Rejects when it has none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** True when a packet to the address would find a way. Sends nothing. */
export type Routes = (server: Server) => Promise<boolean>;

export interface ResolverParts {
  readonly servers: readonly Server[];
  readonly clock: Clock;
  readonly random: Random;
  /** Told once of each name that does not resolve, and again when the reason is another. */
  unresolved(host: string, why: string): void;
  readonly lookup?: Lookup | undefined;
  readonly routes?: Routes | undefined;
}

/** Once one name has an answer, the others get this long. */
const STRAGGLERS_MS = 500;
const NO_ANSWER_MS = 5_000;
const MOST_ADDRESSES = 64;

const lookUp: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Connecting a UDP socket asks the kernel for a route, and sends nothing. */
const hasRoute: Routes = ({ host, port }) =>
  new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const answer = (routes: boolean): void => {
      socket.removeAllListeners().on('error', () => undefined);
      socket.close();
      resolve(routes);
    };
    socket.once('error', () => answer(false)).once('connect', () => answer(true));
    socket.connect(port, host);
  });

export class Resolver {
  readonly #parts: ResolverParts;
  /** What was last said about a name that did not resolve, so that it is said once. */
  readonly #told = new Map<string, string>();

  constructor(parts: ResolverParts) {
    this.#parts = parts;
  }

  /** Empty when no server has an address that can be reached from here. Never rejects. */
  async resolve(): Promise<readonly Address[]> {
    const { servers, routes = hasRoute } = this.#parts;
    const found = await this.#all([...new Set(servers.map(({ host }) => host))]);
    const addresses = new Map<string, Address>();
    for (const server of servers) {
      for (const host of found.get(server.host) ?? []) {
        if (addresses.size < MOST_ADDRESSES) addresses.set(`${host} ${server.port}`, addressOf(server, host));
      }
    }
    const all = [...addresses.values()];
    const reachable = await Promise.all(all.map(routes));
    return shuffled(
      all.filter((_, index) => reachable[index]),
      this.#parts.random,
    );
  }

  async #all(hosts: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const { clock } = this.#parts;
    const found = new Map<string, readonly string[]>();
    const why = new Map<string, string>();
    const asked = hosts.map(async (host) => {
      try {
        found.set(host, isIP(host) ? [host] : await (this.#parts.lookup ?? lookUp)(host));
      } catch (error) {
        why.set(host, (error as Error).message);
        throw error;
      }
    });
    await new Promise<void>((resolve) => {
      const giveUp = clock.after(NO_ANSWER_MS, resolve);
      void Promise.allSettled(asked).then(() => (giveUp(), resolve()));
      void Promise.any(asked).then(
        () => clock.after(STRAGGLERS_MS, resolve),
        () => undefined,
      );
    });
    const known = new Map(found); // a late answer is not in this round
    for (const host of hosts) this.#tell(host, known.has(host) ? undefined : (why.get(host) ?? 'no answer from the DNS yet'));
    return known;
  }

  #tell(host: string, why: string | undefined): void {
    if (why === undefined) this.#told.delete(host);
    else if (this.#told.get(host) !== why) {
      this.#told.set(host, why);
      this.#parts.unresolved(host, why);
    }
  }
}

function addressOf({ host: name, port }: Server, host: string): Address {
  if (name === host) return { host, port, label: place(host, port) };
  return { host, port, label: `${place(name, port)} (${host})`, name };
}

const place = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/** Fisher and Yates. Without it every sidecar would go to the first server of the list. */
function shuffled<T>(list: readonly T[], random: Random): readonly T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}
