/**
 * The addresses of endpoints that are registered by name, asked for in the background and never by a call. Each name in use has one address,
 * which stays as long as the name keeps it; a name that can no longer be resolved keeps its last good one.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Emit } from './events.js';
import { ReadSlots } from './registry/read-slots.js';
import type { Clock, Random } from './system.js';

export type Resolve = (host: string) => Promise<readonly string[]>;

export interface NamesParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly resolve?: Resolve | undefined;
  /** These users' names have another address than before. */
  readonly onChange: (users: ReadonlySet<string>) => void;
  /** A name of theirs has been asked for the first time, in vain. */
  readonly onNone: (users: ReadonlySet<string>) => void;
}

interface Name {
  readonly host: string;
  readonly users: Set<string>;
  address: string | undefined;
  /** The first answer has come, be it none. */
  asked: boolean;
  failing: boolean;
  cancel: () => void;
}

const REFRESH_MS = 30_000;
/** A name that never had an address is asked for more often. */
const RETRY_MS = 5_000;
/** Node resolves with a few threads that the whole process shares. */
const AT_ONE_TIME = 2;
export const MOST_NAMES = 1_000;

const ask: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

export class Names {
  readonly #parts: NamesParts;
  readonly #resolve: Resolve;
  readonly #slots = new ReadSlots(AT_ONE_TIME);
  readonly #names = new Map<string, Name>();
  #full = false;

  constructor(parts: NamesParts) {
    this.#parts = parts;
    this.#resolve = parts.resolve ?? ask;
  }

  addressOf(host: string): string | undefined {
    return this.#names.get(host)?.address;
  }

  /** Asked for, and not answered yet. */
  isAwaited(host: string): boolean {
    return this.#names.get(host)?.asked === false;
  }

  /** What `user` needs from now on: new names are asked for, and those that nobody needs any more are forgotten. */
  use(user: string, hosts: Iterable<string>): void {
    const wanted = new Set(hosts);
    for (const name of this.#names.values()) {
      if (wanted.delete(name.host)) name.users.add(user);
      else if (name.users.delete(user) && name.users.size === 0) this.#forget(name);
    }
    for (const host of wanted) this.#add(host, user);
  }

  stop(): void {
    for (const name of this.#names.values()) this.#forget(name);
  }

  #forget(name: Name): void {
    name.cancel();
    this.#names.delete(name.host);
  }

  #add(host: string, user: string): void {
    if (this.#names.size >= MOST_NAMES) {
      const detail = `${host} is registered by name, and no more names are resolved`;
      if (!this.#full) this.#parts.emit({ kind: 'bound_reached', bound: 'names', limit: MOST_NAMES, detail });
      this.#full = true;
      return;
    }
    this.#full = false;
    const unknown = { address: undefined, asked: false, failing: false };
    const name: Name = { host, users: new Set([user]), ...unknown, cancel: () => undefined };
    this.#names.set(host, name);
    void this.#refresh(name);
  }

  async #refresh(name: Name): Promise<void> {
    const { clock, random, onChange, onNone } = this.#parts;
    const found = await this.#slots.run(() => this.#addresses(name));
    if (this.#names.get(name.host) !== name) return;
    const [first] = found;
    const isFirst = !name.asked;
    name.asked = true;
    const wait = (name.address ?? first) === undefined ? RETRY_MS : REFRESH_MS;
    name.cancel = clock.after(wait * (0.9 + random() / 5), () => void this.#refresh(name));
    if (first === undefined && isFirst) onNone(name.users);
    if (first === undefined || (name.address !== undefined && found.includes(name.address))) return;
    name.address = first;
    onChange(name.users);
  }

  /** None when it cannot be resolved, which is told once until it can. */
  async #addresses(name: Name): Promise<readonly string[]> {
    if (this.#names.get(name.host) !== name) return [];
    let why = 'it has no address';
    try {
      const found = (await this.#resolve(name.host)).filter((address) => isIP(address) !== 0);
      if (found.length > 0) {
        name.failing = false;
        return found;
      }
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    if (!name.failing) this.#parts.emit({ kind: 'name_unresolved', host: name.host, why });
    name.failing = true;
    return [];
  }
}
