/**
 * A link to the servers by our own client (../wire), which holds one session and goes from server to server within it. Adds two things: errors
 * become those of the port, and where somebody follows both the list of a node and its children, one recursive watch on the parent takes the
 * place of one for each child. Servers before 3.6 have no such watch; there each node has its own.
 */
import { RegistryError } from '../tree.js';
import type { List, Mode, Node, Stat, Versioned } from '../tree.js';
import type { LinkEvents } from '../turn.js';
import { Client } from '../wire/client.js';
import type { ClientOptions } from '../wire/client.js';
import { NOT_NAMED, NOT_TRUSTED } from '../wire/connection.js';
import { ZooKeeperError, isCode } from '../wire/errors.js';
import type { Bound } from '../wire/errors.js';
import type { Stat as WireStat } from '../wire/records.js';
import type { WatchEvent } from '../wire/watches.js';
import { parentOf } from '../node-path.js';
import { AccessLists } from './access.js';
import type { Access } from './access.js';
import { failure } from './codes.js';
import type { Fired, Made, Wire } from './wire.js';

/** Each parent is one service, and few pods follow more than some dozens. */
const MOST_PARENTS = 1_024;

/** What the client, which knows nothing of us, says of a certificate or a login: with the setting that it goes back to. */
export function withSetting(why: string): string {
  if (/: (AUTH_FAILED|SASL_REQUIRED) /.test(why)) return `${why} (ZIDECAR_ZOOKEEPER_AUTH)`;
  if (why.endsWith(NOT_NAMED)) return `${why} (ZIDECAR_ZOOKEEPER)`;
  return why.endsWith(NOT_TRUSTED) ? `${why} (ZIDECAR_ZOOKEEPER_TLS_CA)` : why;
}

/** What it tells of beyond its connection. */
export interface Told {
  /** An attempt that failed; the next follows by itself. */
  trouble(why: string): void;
  /** The folder lets everybody remove what is in it, and that was not wished for. */
  doubt(folder: string): void;
  /** Something was asked for that is beyond a bound of the client, and failed. */
  full(bound: Bound, why: string): void;
}

export class WireLink implements Wire {
  readonly #client: Client;
  readonly #told: Told;
  readonly #access: AccessLists;
  /** Folders whose access list was looked at. */
  readonly #seen = new Set<string>();
  /** Parents with a recursive watch, and the answer to its being set. */
  readonly #covered = new Map<string, Promise<boolean>>();
  #canCover = true;
  readonly #onNode: (event: WatchEvent) => void;
  readonly #onChildren: (event: WatchEvent) => void;

  constructor(options: ClientOptions, access: Access, events: LinkEvents, fired: Fired, told: Told) {
    this.#access = new AccessLists(access);
    this.#told = told;
    this.#onNode = ({ path }) => void fired('node', path);
    this.#onChildren = ({ path, child }) => {
      if (fired('children', path, child)) this.#client.waitAgain(path, this.#onChildren);
    };
    this.#client = new Client(options, {
      up: ({ id, timeoutMs, server }) => events.up(id, timeoutMs, server),
      down: (why) => events.down(why),
      over: (why, demandedBy) => events.over(withSetting(why), demandedBy),
      trouble: (why) => told.trouble(withSetting(why)),
    });
  }

  /** The client asks for addresses by itself, before each round. */
  aim(): void {}

  hurry(): void {
    this.#client.hurry();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  drop(): void {
    this.#client.drop();
  }

  async exists(path: string, watch: boolean): Promise<Stat | undefined> {
    if (watch) await this.#coverFor(path);
    const stat = await this.#ask('exists', path, () => this.#client.exists(path, watch ? this.#onNode : undefined));
    return stat && this.#stat(stat);
  }

  get(path: string): Promise<Node | undefined> {
    return this.#get(path);
  }

  async getWatched(path: string): Promise<Node | undefined> {
    await this.#coverFor(path);
    return this.#get(path, this.#onNode);
  }

  async children(path: string, watch: boolean, tells: boolean): Promise<List | undefined> {
    const isCovered = tells && (await this.#cover(path));
    return this.#ask('children', path, async () => {
      const { names, stat } = await this.#client.getChildren(path, watch ? this.#onChildren : undefined);
      return { names, stat: this.#stat(stat), ...(isCovered && { tells: true }) };
    }).catch(absent);
  }

  create(path: string, data: Uint8Array, mode: Mode): Promise<Made> {
    const acl = this.#access.of(path, mode);
    return this.#ask('create', path, async () => {
      const made = await this.#client.create(path, data, { mode, acl }).catch((error: unknown) => {
        if (mode !== 'container' || !isCode(error, 'UNIMPLEMENTED')) throw error;
        return this.#client.create(path, data, { acl });
      });
      if (mode.startsWith('ephemeral')) void this.#doubt(parentOf(path));
      return { path: made.path, stat: this.#stat(made.stat) };
    });
  }

  set(path: string, data: Uint8Array, version: number): Promise<Stat> {
    return this.#ask('write', path, async () => this.#stat(await this.#client.setData(path, data, version)));
  }

  remove(path: string, version?: number): Promise<boolean> {
    return this.#ask('remove', path, async () => {
      await this.#client.delete(path, version);
      return true;
    })
      .catch(absent)
      .then((done) => done === true);
  }

  replace(old: Versioned, path: string, data: Uint8Array, mode: Mode): Promise<Made> {
    const acl = this.#access.of(path, mode);
    return this.#ask('replace', path, async () => {
      const [, made] = await this.#client.multi([
        { do: 'delete', path: old.path, version: old.version },
        { do: 'create', path, data, mode, acl },
      ]);
      if (mode.startsWith('ephemeral')) void this.#doubt(parentOf(path));
      return { path: (made as { readonly path: string }).path };
    });
  }

  sync(path: string): Promise<void> {
    return this.#ask('sync', path, () => this.#client.sync(path));
  }

  #get(path: string, watch?: (event: WatchEvent) => void): Promise<Node | undefined> {
    return this.#ask('read', path, async () => {
      const { data, stat } = await this.#client.getData(path, watch);
      return { data, stat: this.#stat(stat) };
    }).catch(absent);
  }

  /** Once for each folder. */
  async #doubt(folder: string): Promise<void> {
    if (this.#seen.has(folder) || this.#seen.size >= MOST_PARENTS) return;
    this.#seen.add(folder);
    const found = await this.#client.getAcl(folder).catch(() => undefined);
    if (found && this.#access.isLooser(found.acl)) this.#told.doubt(folder);
  }

  /** Resolves when the node needs no watch of its own, or has to have one. */
  async #coverFor(path: string): Promise<void> {
    const parent = parentOf(path);
    if (this.#covered.has(parent) || this.#client.isWatched('children', parent)) await this.#cover(parent);
  }

  /** Resolves with whether a recursive watch is on the parent. Never on the root: that would tell of everything there is. */
  #cover(parent: string): Promise<boolean> {
    const asked = this.#covered.get(parent);
    if (asked) return asked;
    if (!this.#canCover || parent === '/' || this.#covered.size >= MOST_PARENTS) return Promise.resolve(false);
    const setting = this.#client
      .addWatch(parent, 'recursive', ({ type }) => {
        if (type === 'removed') this.#covered.delete(parent);
      })
      .then(() => true)
      .catch((error: unknown) => {
        this.#covered.delete(parent);
        if (isCode(error, 'UNIMPLEMENTED')) this.#canCover = false;
        return false;
      });
    this.#covered.set(parent, setting);
    return setting;
  }

  async #ask<T>(op: string, path: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      if (error.bound) this.#told.full(error.bound, error.message);
      throw translated(error, op, path);
    }
  }

  #stat({ czxid, mzxid, version, dataLength, ephemeralOwner, ctime }: WireStat): Stat {
    const isOwned = ephemeralOwner !== 0n;
    return {
      czxid,
      mzxid,
      version,
      size: dataLength,
      owner: isOwned ? (ephemeralOwner === this.#client.sessionId ? 'us' : 'other') : 'none',
      ownerId: isOwned ? BigInt.asUintN(64, ephemeralOwner).toString(16) : '',
      ctime,
    };
  }
}

function translated(error: ZooKeeperError, op: string, path: string): RegistryError {
  const { code, number, message } = error;
  if (number !== undefined) return failure(op, path, number, message);
  if (code === 'CONNECTION_LOSS')
    return new RegistryError('connection_lost', `${op} ${path}: the connection was lost before an answer came (${message})`);
  const said = code === 'NOT_CONNECTED' || code === 'CLOSED' ? 'disconnected' : code === 'TOO_LARGE' ? 'too_large' : 'failed';
  return new RegistryError(said, `${op} ${path}: ${message}`);
}

function absent(error: unknown): undefined {
  if (error instanceof RegistryError && error.code === 'no_node') return undefined;
  throw error;
}
