/**
 * Keeps the session of an embedded tree: one loop, of which each outer turn is one session.
 *
 *     connecting --> connected <--> suspended        the folder cannot be reached
 *         ^              |              |
 *         +--- expired <-+--------------+            the lease was taken away, or everything in the folder was
 *
 * It renews our lease in each third of the timeout, and about once a second it removes what dead sessions left and lets the watches
 * glance. However long the folder was away or this process frozen: while the lease is there, nobody has ended the session, and it goes on.
 * Knows nothing of paths and of what is asked of the tree.
 */
import { randomUUID } from 'node:crypto';
import type { Emit, SessionState } from '../../events.js';
import type { Clock, Random } from '../../system.js';
import type { Session } from '../tree.js';
import type { Changes } from './changes.js';
import { Leases } from './lease.js';
import type { Lock } from './lock.js';
import type { Sessions } from './sessions.js';
import { inWords } from './trouble.js';
import type { Watches } from './watches.js';

const BEAT_MS = 1_000;
/** Tries within a beat while suspended: the folder may be there at each beat of another, who sees our lease, and away at each of ours. */
const TRIES = 5;
/** Each so many beats the watches look at all they have. */
const DEEP = 10;
/** How long the goodbye may take. */
const GOODBYE_MS = 2_000;

export interface KeeperOptions {
  readonly root: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly sessions: Sessions;
  readonly changes: Changes;
  readonly lock: Lock;
  readonly watches: Watches;
}

export class Keeper {
  readonly #parts: KeeperOptions;
  readonly #listeners = new Set<(session: Session) => void>();
  readonly #stop = new AbortController();
  readonly #beatMs: number;
  readonly #leases: Leases;
  readonly #over: Promise<void>;
  #session: Session;
  #renewedAt = 0;
  #trouble = '';

  constructor(parts: KeeperOptions) {
    this.#parts = parts;
    this.#beatMs = Math.min(BEAT_MS, parts.timeoutMs / 6);
    this.#leases = new Leases(this.#beatMs);
    this.#session = { state: 'connecting', id: '', epoch: 0, server: parts.root, timeoutMs: parts.timeoutMs };
    this.#over = this.#run();
  }

  get session(): Session {
    return this.#session;
  }

  listen(listener: (session: Session) => void): () => void {
    const own = (session: Session): void => listener(session);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Somebody found that the tree is not to be seen. The loop finds out why, and whether the session is over. */
  doubt(why: string): void {
    if (this.#session.state === 'connected') this.#set('suspended', {}, why);
  }

  /** Resolves when the session has ended, or could not be ended in time; the others then find its lease dead. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#over, this.#parts.clock.sleep(GOODBYE_MS)]);
    if (this.#session.state !== 'closed') this.#set('closed');
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (await this.#begin()) await this.#stay();
      else await this.#pause();
    }
    if (this.#session.epoch > 0) await this.#remove();
  }

  async #begin(): Promise<boolean> {
    const { sessions, timeoutMs, clock } = this.#parts;
    const id = randomUUID(); // of the machine's chance, for it must differ among processes
    const now = clock.now();
    try {
      await sessions.begin(id, timeoutMs);
    } catch (error) {
      this.#tell(error);
      return false;
    }
    this.#renewedAt = now;
    this.#set('connected', { id, epoch: this.#session.epoch + 1 });
    return true;
  }

  /** Until the session is over. */
  async #stay(): Promise<void> {
    const { clock, timeoutMs, watches, sessions } = this.#parts;
    for (let beat = 1; ; beat++) {
      await this.#pause();
      if (this.#isStopped) return;
      const silentMs = clock.now() - this.#renewedAt;
      const wasSuspended = this.#session.state !== 'connected';
      try {
        if (wasSuspended || silentMs > timeoutMs / 3 - this.#beatMs) {
          if (!(await this.#renew())) return await this.#expire('its lease was taken away');
        }
        if (!sessions.isReadOnly) await this.#reap();
        if (this.#session.state === 'suspended') this.#set('connected');
        await watches.glance(wasSuspended || beat % DEEP === 0);
      } catch (error) {
        this.#leases.missed();
        this.doubt(inWords(error, this.#parts.root));
        this.#tell(error);
        if (silentMs > timeoutMs && (await sessions.wasEmptied())) return this.#expire('its folder was emptied');
      }
    }
  }

  async #renew(): Promise<boolean> {
    const now = this.#parts.clock.now();
    const isOurs = await this.#parts.sessions.renew(this.#parts.timeoutMs);
    if (isOurs) this.#renewedAt = now;
    return isOurs;
  }

  /** Removes what the sessions left that are dead. */
  async #reap(): Promise<void> {
    const { sessions, changes, lock, clock } = this.#parts;
    for (const lease of this.#leases.look(await sessions.others(), clock.now())) {
      try {
        await lock.hold((stillOurs) => sessions.end(lease.id, changes, stillOurs, lease));
      } catch (error) {
        this.#tell(error); // perhaps another may
      }
    }
  }

  async #expire(why: string): Promise<void> {
    this.#set('expired', {}, why);
    this.#parts.watches.ringAll();
    await this.#remove();
    if (!this.#isStopped) this.#set('connecting');
  }

  /** Our own session, and what is left of it. What cannot be removed is left to whoever finds the lease dead. */
  async #remove(): Promise<void> {
    const { sessions, changes, lock } = this.#parts;
    if (sessions.isReadOnly) return;
    await lock.hold((stillOurs) => sessions.end(this.#session.id, changes, stillOurs)).catch(() => undefined);
  }

  get #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Jittered, so that the sidecars of one folder do not all come at once. Ends early when the tree is closed. */
  #pause(): Promise<void> {
    const usual = this.#session.state === 'suspended' ? this.#beatMs / TRIES : this.#beatMs;
    const ms = usual * (0.9 + 0.2 * this.#parts.random());
    return this.#parts.clock.sleep(ms, this.#stop.signal).catch(() => undefined);
  }

  #set(state: SessionState, change: Partial<Session> = {}, why = ''): void {
    if (this.#session.state === 'closed') return;
    const session = { ...this.#session, ...change, state };
    this.#session = session;
    if (state === 'connected') this.#trouble = '';
    const { emit, root: server } = this.#parts;
    emit({ kind: 'session_changed', state, session: session.id, server, ...(why && { why }) });
    for (const listener of this.#listeners) queueMicrotask(() => this.#listeners.has(listener) && listener(session));
  }

  #tell(error: unknown): void {
    const why = inWords(error, this.#parts.root);
    if (why === this.#trouble || this.#isStopped) return;
    this.#trouble = why;
    this.#parts.emit({ kind: 'session_trouble', why });
  }
}
