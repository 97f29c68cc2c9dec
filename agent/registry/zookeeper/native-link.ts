/**
 * A link to the servers by one handle of the native package's C library, which holds one session at most and reconnects within it. What that
 * library does wrong is told in the registry's README, "The session"; each remedy stands here beside the name of what it is against.
 */
import type { Clock } from '../../system.js';
import type { Address } from '../wire/resolve.js';
import { RegistryError } from '../tree.js';
import type { List, Mode, Node, Stat } from '../tree.js';
import type { LinkEvents } from '../turn.js';
import { OK, UNIMPLEMENTED, failure } from './codes.js';
import { NOWHERE, connectString } from './native-client.js';
import type { Done, NativeClient, NativeStat, OnEvent } from './native-client.js';
import { NativeNumbers } from './native-numbers.js';
import type { Fired, Made, Wire } from './wire.js';

const flags: Readonly<Record<Mode, number>> = { persistent: 0, ephemeral: 1, ephemeral_sequential: 3, container: 4 };
const ANY_VERSION = -1;
const SESSION_EVENT = -1;
const [CONNECTING, ASSOCIATING, CONNECTED] = [1, 2, 3];
/** It answers each reading of a part of a large answer with "nothing", and by default takes eleven of them for the end of the session. */
const PARTS_OF_AN_ANSWER = 10_000;

export class NativeLink implements Wire {
  readonly #client: NativeClient;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #fired: Fired;
  /** How to fail each call that is out. */
  readonly #out = new Set<(error: RegistryError) => void>();
  readonly #numbers: NativeNumbers;
  #addresses: readonly Address[];
  #isUp = false;
  #isOver = false;
  #stopBeat: () => void;

  constructor(
    client: NativeClient,
    addresses: readonly Address[],
    timeoutMs: number,
    clock: Clock,
    events: LinkEvents,
    fired: Fired,
  ) {
    this.#client = client;
    this.#addresses = addresses;
    this.#fired = fired;
    this.#clock = clock;
    this.#events = events;
    this.#numbers = new NativeNumbers(clock, () => client.state === CONNECTED);
    client.on('connect', () => {
      if (this.#isOver) return;
      this.#isUp = true;
      this.#numbers.free();
      this.#numbers.look();
      this.#stopBeat();
      this.#stopBeat = clock.every(client.timeout / 6, () => this.#beat());
      events.up(client.client_id, client.timeout);
    });
    client.on('connecting', () => this.#lost());
    client.on('close', (_, code) => {
      if (this.#isOver) return;
      this.#finish();
      this.#numbers.end();
      if (code === -113) events.over('the servers do not accept who we are', '');
      else events.over('the servers have ended it');
    });
    client.init({
      connect: connectString(addresses),
      timeout: timeoutMs,
      host_order_deterministic: true,
      response_counter_limit: PARTS_OF_AN_ANSWER,
      debug_level: 0,
    });
    this.#stopBeat = this.#whileDown(timeoutMs);
  }

  aim(addresses: readonly Address[]): void {
    if (this.#isOver) return;
    this.#addresses = addresses;
    this.#numbers.lookNow(); // the attempt that this may end can be young
    this.#client.set_servers(connectString(addresses));
    this.#numbers.closed();
  }

  /** Blocks this process until the servers have ended the session: some milliseconds, or 1.5 s when they are not there after all. */
  close(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#finish();
    return new Promise((resolve) => this.#outsideOfItsCalls(() => resolve(this.#closeHandle())));
  }

  /** Closing a handle that believes itself connected would block for 1.5 s: it is sent elsewhere first, which closes the connection. */
  drop(): void {
    if (this.#isOver) return;
    const wasUp = this.#isUp;
    this.#finish();
    this.#outsideOfItsCalls(() => {
      if (wasUp) this.#client.set_servers(NOWHERE);
      this.#closeHandle();
    });
  }

  exists(path: string, watch: boolean): Promise<Stat | undefined> {
    return this.#ask<[NativeStat], Stat>(
      'exists',
      path,
      (done) =>
        watch
          ? this.#client.aw_exists(
              path,
              onEvent(() => this.#fired('node', path)),
              done,
            )
          : this.#client.a_exists(path, false, done),
      (stat) => this.#stat(stat),
    ).catch(absent);
  }

  get(path: string): Promise<Node | undefined> {
    return this.#ask<[NativeStat, Buffer | null], Node>(
      'read',
      path,
      (done) => this.#client.a_get(path, false, done),
      (stat, data) => ({ data: data ?? new Uint8Array(), stat: this.#stat(stat) }),
    ).catch(absent);
  }

  children(path: string, watch: boolean): Promise<List | undefined> {
    return this.#ask<[readonly string[], NativeStat], List>(
      'children',
      path,
      (done) =>
        watch
          ? this.#client.aw_get_children2(
              path,
              onEvent(() => this.#fired('children', path)),
              done,
            )
          : this.#client.a_get_children2(path, false, done),
      (names, stat) => ({ names, stat: this.#stat(stat) }),
    ).catch(absent);
  }

  create(path: string, data: Uint8Array, mode: Mode): Promise<Made> {
    const bytes = Buffer.from(data);
    return this.#ask<[string], Made>(
      'create',
      path,
      (done) =>
        this.#client.a_create(path, bytes, flags[mode], (code, words, made) => {
          if (code !== UNIMPLEMENTED || mode !== 'container') return done(code, words, made);
          const sent = this.#client.a_create(path, bytes, flags.persistent, done);
          this.#lookAfterSending();
          if (sent !== OK) done(sent, 'not sent', made);
        }),
      (made) => ({ path: made }),
    );
  }

  set(path: string, data: Uint8Array, version: number): Promise<Stat> {
    return this.#ask<[NativeStat], Stat>(
      'write',
      path,
      (done) => this.#client.a_set(path, Buffer.from(data), version, done),
      (stat) => this.#stat(stat),
    );
  }

  remove(path: string, version = ANY_VERSION): Promise<boolean> {
    return this.#ask<[], boolean>(
      'remove',
      path,
      (done) => this.#client.a_delete_(path, version, done),
      () => true,
    )
      .catch(absent)
      .then((done) => done === true);
  }

  sync(path: string): Promise<void> {
    return this.#ask<[string], undefined>(
      'sync',
      path,
      (done) => this.#client.a_sync(path, done),
      () => undefined,
    );
  }

  #ask<A extends readonly unknown[], T>(
    op: string,
    path: string,
    send: (done: Done<A>) => number,
    read: (...answer: A) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: RegistryError): void => {
        this.#out.delete(fail);
        reject(error);
      };
      const done: Done<A> = (code, words, ...answer) => {
        if (code === OK) {
          this.#out.delete(fail);
          resolve(read(...answer));
        } else fail(failure(op, path, code, words));
      };
      this.#out.add(fail);
      const code = this.#isOver ? -9 : send(done);
      if (code !== OK) fail(failure(op, path, code, 'not sent'));
      this.#lookAfterSending();
    });
  }

  #stat({ czxid, mzxid, version, dataLength, ephemeralOwner, ctime }: NativeStat): Stat {
    const isOwned = ephemeralOwner !== '0';
    return {
      czxid: BigInt(czxid),
      mzxid: BigInt(mzxid),
      version,
      size: dataLength,
      owner: isOwned ? (ephemeralOwner === this.#client.client_id ? 'us' : 'other') : 'none',
      ownerId: isOwned ? ephemeralOwner : '',
      ctime: ctime.getTime(),
    };
  }

  /** Of a server that is silent the handle lets go at 2/3 of the timeout, but goes to the next one only when it would have pinged: at 3/3. */
  #beat(): void {
    this.#client.a_exists('/', false, () => undefined);
    this.#lookAfterSending();
  }

  /** A connection that is found broken when something is sent it closes without a word. */
  #lookAfterSending(): void {
    if (this.#isUp && this.#client.state !== CONNECTED) this.#lost();
  }

  #lost(): void {
    this.#numbers.closed();
    if (this.#isOver || !this.#isUp) return;
    this.#rest();
    this.#stopBeat = this.#whileDown(this.#client.timeout);
    this.#events.down();
  }

  /** Six times in each timeout, and when what had come by then was read. */
  #whileDown(timeoutMs: number): () => void {
    return this.#clock.every(timeoutMs / 6, () => this.#clock.after(0, () => this.#leaveOldAttempt()));
  }

  /** An attempt that nobody answers it ends after 2/3 of the timeout, again without a word: after a third of it, or somewhat later, we do, and see its number. */
  #leaveOldAttempt(): void {
    if (this.#isUp || this.#isOver) return;
    this.#numbers.closed();
    if (this.#client.state !== CONNECTING && this.#client.state !== ASSOCIATING) return;
    if (!this.#numbers.isAttemptOld) return this.#numbers.look();
    this.#numbers.lookNow(); // it may have been followed by another
    this.#client.set_servers(NOWHERE);
    this.#numbers.closed();
    const [first, ...others] = this.#addresses;
    this.aim([...others, first!]);
  }

  #closeHandle(): void {
    this.#client.close();
    this.#numbers.end();
  }

  /** We may be within a call from its C library, which would then put off the closing until we have returned to it. */
  #outsideOfItsCalls(run: () => void): void {
    this.#clock.after(0, run);
  }

  #rest(): void {
    this.#isUp = false;
    this.#stopBeat();
  }

  #finish(): void {
    this.#isOver = true;
    this.#rest();
    for (const fail of [...this.#out])
      fail(new RegistryError('connection_lost', 'we let go of the servers before an answer came'));
  }
}

/** The session's own changes come to every watch; they are no change of the node. A new function each time: the package marks it. */
const onEvent =
  (fired: () => unknown): OnEvent =>
  (type) => {
    if (type !== SESSION_EVENT) fired();
  };

function absent(error: unknown): undefined {
  if (error instanceof RegistryError && error.code === 'no_node') return undefined;
  throw error;
}
