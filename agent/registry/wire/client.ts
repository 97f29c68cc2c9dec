/**
 * A client of ZooKeeper: one session, and what can be asked in it. Read this file first; the README has the rules. Nothing waits for a
 * connection and nothing is asked twice: without a connection a call fails at once, and what is out when one is lost fails with it.
 */
import { Chroot } from './chroot.js';
import type { Tls } from './connection.js';
import { isCode, refusal } from './errors.js';
import type { Login } from './login.js';
import * as ops from './operations.js';
import type { Children, Created, Data, Operation, Reconfiguration } from './operations.js';
import { multi } from './multi.js';
import type { Change, Outcome } from './multi.js';
import type { Clock, Random } from './ports.js';
import { ANY_VERSION } from './protocol.js';
import type { CreateMode, WatchMode } from './protocol.js';
import { openToAll } from './records.js';
import type { Acl, Identity, Stat } from './records.js';
import { describe } from './requests.js';
import type { OnAnswer } from './requests.js';
import type { Address } from './resolve.js';
import { Session } from './session.js';
import type { SessionEvents } from './session.js';
import type { Listener, OneShot, WatchEvent } from './watches.js';

export interface ClientOptions {
  /** The servers to try, in this order; asked before every round of attempts. Never rejects. Resolver.resolve does it. */
  find(): Promise<readonly Address[]>;
  /** What is asked for; the servers may grant another. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** '' or `/a/b`: where every path begins, and none that is told. It must be there. */
  readonly chroot?: string;
  readonly tls?: () => Promise<Tls>;
  readonly login?: Login;
  /** A server without a majority will do, for reading, until there is a better one. */
  readonly takesReadOnly?: boolean;
  /** Requests that may be out, and bytes of theirs. */
  readonly bounds?: { readonly requests: number; readonly bytes: number };
  /** The longest packet that is taken from a server. */
  readonly longestAnswer?: number;
}

const MIB = 1024 * 1024;
const BOUNDS = { requests: 10_000, bytes: 16 * MIB };
const LONGEST_ANSWER = 16 * MIB;
const CONFIG = '/zookeeper/config';
const NOTHING = new Uint8Array();
const NO_NODE = -101;
const UNIMPLEMENTED = -6;

export class Client {
  readonly #session: Session;
  readonly #chroot: Chroot;
  /** What the servers turned out not to know. It is asked once in a session, since they answer, and then end the connection. */
  readonly #unknown = new Set<number>();
  /** Lasting watches that were asked for and not answered. A server lets the later kind of watch on a path take the place of the earlier one. */
  readonly #adding = new Map<string, Promise<unknown>>();

  /** Connects in the background; `events` tells how it goes. */
  constructor(options: ClientOptions, events: SessionEvents) {
    const chroot = (this.#chroot = new Chroot(options.chroot ?? ''));
    const defaults = { login: { credentials: [] }, takesReadOnly: false, bounds: BOUNDS, longestAnswer: LONGEST_ANSWER };
    const call = (listener: Listener, { type, path, child }: WatchEvent): void => {
      try {
        listener({ type, path: chroot.strip(path), ...(child && { child }) });
      } catch (error) {
        queueMicrotask(() => {
          throw error; // it is the listener's, and the others are still to hear
        });
      }
    };
    this.#session = new Session({ ...defaults, ...options, call }, events);
  }

  /** Of the session; 0 before the first connection. */
  get sessionId(): bigint {
    return this.#session.id;
  }

  /** Paths that are watched, each counted once for each kind. */
  get watches(): number {
    return this.#session.watches.size;
  }

  /** Whether there is such a watch of ours on the path, or a lasting one that tells of it. */
  isWatched(kind: OneShot | WatchMode, path: string): boolean {
    return this.#session.watches.has(kind, this.#chroot.join(path));
  }

  /** A recursive watch of ours tells of the node. */
  isCovered(path: string): boolean {
    return this.#session.watches.covers(this.#chroot.join(path));
  }

  /** Undefined: there is none, and a watch then waits for it to come. */
  async exists(path: string, watch?: Listener): Promise<Stat | undefined> {
    const whole = this.#chroot.join(path);
    const asked = this.#watching(ops.exists, whole, watch, (listener) => (error) => {
      if (error === 0) this.#session.watches.once('data', whole, listener);
      else if (error === NO_NODE) this.#session.watches.once('exist', whole, listener);
    });
    return asked.catch((error: unknown) => {
      if (isCode(error, 'NO_NODE')) return undefined;
      throw error;
    });
  }

  /** The watch is set only if there is a node; so it is with the children. */
  getData(path: string, watch?: Listener): Promise<Data> {
    return this.#dataOf(this.#chroot.join(path), watch);
  }

  getChildren(path: string, watch?: Listener): Promise<Children> {
    const whole = this.#chroot.join(path);
    return this.#watching(ops.getChildren, whole, watch, (listener) => (error) => {
      if (error === 0) this.#session.watches.once('children', whole, listener);
    });
  }

  /** Waits once more for a change of the children, without a question: only where a recursive watch of ours tells of it. */
  waitAgain(path: string, listener: Listener): void {
    this.#session.watches.once('children', this.#chroot.join(path), listener);
  }

  /** `ttlMs` is for the TTL modes, which need it. A server before 3.5 knows neither them nor containers, and says so. */
  async create(
    path: string,
    data: Uint8Array = NOTHING,
    options: { readonly mode?: CreateMode; readonly acl?: readonly Acl[]; readonly ttlMs?: number } = {},
  ): Promise<Created> {
    const { mode = 'persistent', acl = openToAll, ttlMs = 0 } = options;
    const whole = this.#chroot.join(path);
    const made = await this.#ask(ops.create(whole, data, mode, acl, ttlMs)).catch(async (error: unknown) => {
      if (!isCode(error, 'UNIMPLEMENTED') || mode === 'container' || mode.endsWith('_ttl')) throw error;
      const old = await this.#ask(ops.createOld(whole, data, mode, acl));
      return { path: old, stat: await this.#ask(ops.exists(old, false)) };
    });
    return { path: this.#chroot.strip(made.path), stat: made.stat };
  }

  async delete(path: string, version = ANY_VERSION): Promise<void> {
    await this.#ask(ops.remove(this.#chroot.join(path), version));
  }

  setData(path: string, data: Uint8Array, version = ANY_VERSION): Promise<Stat> {
    return this.#ask(ops.setData(this.#chroot.join(path), data, version));
  }

  getAcl(path: string): Promise<{ readonly acl: readonly Acl[]; readonly stat: Stat }> {
    return this.#ask(ops.getAcl(this.#chroot.join(path)));
  }

  setAcl(path: string, acl: readonly Acl[], aversion = ANY_VERSION): Promise<Stat> {
    return this.#ask(ops.setAcl(this.#chroot.join(path), acl, aversion));
  }

  /** A read that follows is no older than this call. */
  async sync(path: string): Promise<void> {
    await this.#ask(ops.sync(this.#chroot.join(path)));
  }

  /** All or nothing. Fails with what the first change that was refused is refused for. */
  async multi(changes: readonly Change[]): Promise<readonly Outcome[]> {
    const whole = changes.map((change) => ({ ...change, path: this.#chroot.join(change.path) }));
    const answer = await this.#ask(multi(whole));
    if (!('number' in answer)) {
      return answer.map((one) => (one && 'path' in one ? { ...one, path: this.#chroot.strip(one.path) } : one));
    }
    const culprit = whole[answer.index]!;
    throw refusal(`multi: ${culprit.do} ${culprit.path}`, answer.number, 'the server');
  }

  /**
   * Calls for every change from now on, over reconnects too, until it is removed. A server before 3.6 does not know it, and says so; where the
   * session comes to one later the watch is lost, and the last call says `removed`.
   */
  async addWatch(path: string, mode: WatchMode, listener: Listener): Promise<void> {
    const whole = this.#chroot.join(path);
    const { watches } = this.#session;
    while (this.#adding.has(whole)) await this.#adding.get(whole)!.catch(() => undefined);
    // the server has one mode for a path, and the wider one is to stay
    const asked = watches.has('recursive', whole) ? 'recursive' : mode;
    const added = this.#ask(ops.addWatch(whole, asked), (error) => {
      if (error === 0) watches.add(mode, whole, listener);
    });
    this.#adding.set(whole, added);
    await added.finally(() => this.#adding.delete(whole));
  }

  /** Every watch on the path. One-shot watches below a recursive one go with it, and are told so. */
  async removeWatches(path: string): Promise<void> {
    const whole = this.#chroot.join(path);
    // whoever is told hears before the next answer: one who watches again then does so at the server
    await this.#ask({ ...ops.removeWatches(whole, 'any'), inPieces: () => this.#session.removeWatch(whole) }).catch(
      (error: unknown) => {
        if (!isCode(error, 'NO_WATCHER') || !this.#session.releaseWatch(whole)) throw error;
      },
    );
  }

  whoAmI(): Promise<readonly Identity[]> {
    return this.#ask(ops.whoAmI());
  }

  /** The members of the ensemble, in lines `server.N=…`; its node is outside of any chroot. */
  getConfig(watch?: Listener): Promise<Data> {
    return this.#dataOf(CONFIG, watch);
  }

  /** Answers with the configuration that holds from now on. */
  reconfig(change: Reconfiguration): Promise<Data> {
    return this.#ask(ops.reconfig(change));
  }

  /** What is asked from now on cannot wait: a server that is silent for a second is left at once, and what was out fails. */
  hurry(): void {
    this.#session.hurry();
  }

  /** Ends the session, if the servers answer within 2 s. Never rejects. No event follows. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** Lets go of the servers without a word; the session is left to its timeout. No event follows. */
  drop(): void {
    this.#session.drop();
  }

  #ask<T>(operation: Operation<T>, onAnswer?: OnAnswer): Promise<T> {
    const { op } = operation;
    if (this.#unknown.has(op))
      return Promise.reject(refusal(describe(operation), UNIMPLEMENTED, 'a server that was asked before'));
    return this.#session.ask(operation, (error) => {
      if (error === UNIMPLEMENTED) this.#unknown.add(op);
      onAnswer?.(error);
    });
  }

  #dataOf(whole: string, watch: Listener | undefined): Promise<Data> {
    return this.#watching(ops.getData, whole, watch, (listener) => (error) => {
      if (error === 0) this.#session.watches.once('data', whole, listener);
    });
  }

  /** What a lasting watch of ours tells of needs none at the server. */
  #watching<T>(
    operation: (path: string, watch: boolean) => Operation<T>,
    whole: string,
    listener: Listener | undefined,
    arm: (listener: Listener) => OnAnswer,
  ): Promise<T> {
    if (!listener) return this.#ask(operation(whole, false));
    const adding = this.#adding.get(whole);
    if (adding) return adding.catch(() => undefined).then(() => this.#watching(operation, whole, listener, arm));
    return this.#ask(operation(whole, !this.#session.watches.covers(whole)), arm(listener));
  }
}
