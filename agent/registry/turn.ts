/**
 * One turn of the session keeper: from the addresses to the end of one session. Listens to one link and to no other, and to nobody once it
 * is over, so what an old link still has to say is never heard.
 *
 * Being without a connection is counted here, by our own clock: the servers end a session that they do not hear for its timeout, and cannot
 * tell us so when they cannot reach us. After 4/3 of it (the link notices a loss at 2/3 at the latest, which makes 2 in all) it is
 * over on every server that still works, whatever the link believes. A server whose data was wiped refuses an old session for ever: this is
 * the way out of that too. Meanwhile the names are resolved again, since servers that were started anew may have new addresses.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import type { Address } from './wire/resolve.js';
import { RegistryError } from './tree.js';
import type { RegistryErrorCode } from './tree.js';

/** What a link tells of its connection. */
export interface LinkEvents {
  /**
   * There is a connection and a session in it; told again after each reconnect. `id` in hex; the timeout is what the servers grant; the
   * server where the link knows it.
   */
  up(id: string, timeoutMs: number, server?: string): void;
  /** `why`: where the link knows it. */
  down(why?: string): void;
  /** The session has ended, and this link will never have one again. `demandedBy`: the server that wants another login than ours. */
  over(why: string, demandedBy?: string): void;
}

/** A way to the servers that holds one session, and reconnects by itself for as long as that lives. */
export interface Link {
  /** Looks for the servers at these addresses from now on. Asked only while there is no connection. */
  aim(addresses: readonly Address[]): void;
  /** What is asked now cannot wait for a server that is silent. For a link that can go another way. */
  hurry?(): void;
  /** Ends the session. Asked only just after the servers have answered. Never rejects. */
  close(): Promise<void>;
  /** Lets go of the servers at once and without a word; calls that are out fail. */
  drop(): void;
}

export interface KeeperParts<L extends Link> {
  /** What we ask for; the servers may grant another. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Never rejects. */
  resolve(): Promise<readonly Address[]>;
  open(addresses: readonly Address[], events: LinkEvents): Promise<L>;
  /** Asks the servers something in the new session, and prepares what its users take for granted. */
  confirm(link: L): Promise<void>;
  /** Never rejects. */
  diagnose(addresses: readonly Address[]): Promise<Diagnosis>;
}

/** Why there is no session. */
export interface Diagnosis {
  /** A sentence that says what to do. */
  readonly why: string;
  /** There is a server that serves others: a link that just lost its connection may still come back to it by itself. */
  readonly isServing: boolean;
}

/** What a turn has to say, at most once for each thing that happens. */
export interface TurnEvents {
  /** `server`: where it is known. */
  connected(id: string, timeoutMs: number, server: string | undefined): void;
  suspended(why: string | undefined): void;
  trouble(why: string): void;
}

/** So long after a loss somebody is told why, and the names are resolved anew; then after twice that, and so on. */
const FIRST_LOOK_MS = 2_000;
const LONGEST_LOOK_MS = 30_000;
/** So long may a link take to come back to a server that serves again; less for short sessions. */
const LONGEST_RETURN_MS = 15_000;
/** A server that grants more is taken at this: timers count to 24 days. */
const LONGEST_TIMEOUT_MS = 24 * 60 * 60 * 1_000;
/** The connection was lost while we asked: the link comes back by itself. */
const passing: readonly RegistryErrorCode[] = ['connection_lost', 'disconnected', 'expired'];

export class Turn<L extends Link> implements LinkEvents {
  /** Resolves with the reason, in words; with undefined when nobody gave us a session in time. */
  readonly ended: Promise<string | undefined>;
  readonly #parts: KeeperParts<L>;
  readonly #events: TurnEvents;
  readonly #patienceMs: number;
  #addresses: readonly Address[] = [];
  #link: L | undefined;
  #id = '';
  #server: string | undefined;
  #timeoutMs: number;
  #isUp = false;
  #wasConfirmed = false;
  #isOver = false;
  #wasEnded = false;
  #demandedBy: string | undefined;
  #stopWaiting: () => void = () => undefined;
  #stopLook: () => void = () => undefined;
  /** Since when a server has been seen to serve while we are without a connection. */
  #servesSince: number | undefined;
  #resolveEnded: (why: string | undefined) => void = () => undefined;

  /** `patienceMs`: how long the link may take to be up for the first time, while there is no session to lose. */
  constructor(parts: KeeperParts<L>, patienceMs: number, events: TurnEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#patienceMs = patienceMs;
    this.#timeoutMs = parts.timeoutMs;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  get wasConfirmed(): boolean {
    return this.#wasConfirmed;
  }

  get link(): L | undefined {
    return this.#link;
  }

  /** The server that has ended it since it wants another login than ours; '' where nobody knows which. */
  get demandedBy(): string | undefined {
    return this.#demandedBy;
  }

  /** A server has said that the session has ended; else some may have it still. */
  get wasEnded(): boolean {
    return this.#wasEnded;
  }

  /** Where it looked for the servers. */
  get addresses(): readonly Address[] {
    return this.#addresses;
  }

  /** Rejects when there is nobody to connect to, or nothing to do it with; the message says so. */
  async open(): Promise<L> {
    this.#addresses = await this.#parts.resolve();
    if (this.#isOver) throw new RegistryError('closed', 'the tree is closed');
    if (this.#addresses.length === 0) throw new RegistryError('disconnected', (await this.#parts.diagnose([])).why);
    this.#wait(this.#patienceMs);
    try {
      this.#link = await this.#parts.open(this.#addresses, this);
    } catch (error) {
      this.end(undefined);
      throw error;
    }
    if (this.#isUp) void this.#confirm(this.#link);
    return this.#link;
  }

  end(why: string | undefined): void {
    this.#isOver = true;
    this.#stopWaiting();
    this.#resolveEnded(why);
  }

  up(id: string, timeoutMs: number, server?: string): void {
    if (this.#isOver) return;
    if (this.#wasConfirmed && id !== this.#id)
      return this.over(`the servers know session ${this.#id} no more, and gave us ${id}`);
    const isFirst = this.#id === '';
    this.#isUp = true;
    this.#id = id;
    this.#server = server;
    this.#timeoutMs = Math.min(timeoutMs, LONGEST_TIMEOUT_MS);
    if (isFirst) this.#wait(this.#mostMs);
    if (this.#wasConfirmed) this.#connected();
    else if (this.#link) void this.#confirm(this.#link);
  }

  down(why?: string): void {
    if (this.#isOver || !this.#isUp) return;
    this.#isUp = false;
    if (!this.#wasConfirmed) return; // the wait goes on
    this.#wait(this.#mostMs);
    this.#lookAfter(FIRST_LOOK_MS);
    this.#events.suspended(why);
  }

  over(why: string, demandedBy?: string): void {
    if (this.#isOver) return;
    this.#demandedBy = demandedBy;
    this.#wasEnded = demandedBy === undefined;
    this.end(why);
  }

  async #confirm(link: L): Promise<void> {
    try {
      await this.#parts.confirm(link);
      if (this.#isOver || !this.#isUp || this.#wasConfirmed) return;
      this.#wasConfirmed = true;
      this.#connected();
    } catch (error) {
      if (this.#isOver || (error instanceof RegistryError && passing.includes(error.code))) return;
      if (error instanceof RegistryError && error.code === 'auth_failed') this.#demandedBy = this.#at ?? '';
      this.end((error as Error).message);
    }
  }

  #connected(): void {
    this.#stopWaiting();
    this.#events.connected(this.#id, this.#timeoutMs, this.#at);
  }

  /** The server that we are at, where it is known. */
  get #at(): string | undefined {
    return this.#server ?? (this.#addresses.length === 1 ? this.#addresses[0]!.label : undefined);
  }

  get #mostMs(): number {
    return Math.ceil((this.#timeoutMs * 4) / 3);
  }

  /** Ends the turn, unless it is connected before. */
  #wait(ms: number): void {
    this.#stopWaiting();
    const stopAlarm = this.#parts.clock.after(ms, () =>
      this.end(this.#wasConfirmed ? `no connection for ${ms} ms, and it lives ${this.#timeoutMs} ms without` : undefined),
    );
    this.#stopWaiting = () => {
      stopAlarm();
      this.#stopLook();
    };
  }

  #lookAfter(ms: number): void {
    let isWanted = true;
    const stop = this.#parts.clock.after(Math.min(ms, this.#timeoutMs / 2), () => {
      void this.#look(() => isWanted).then(() => isWanted && this.#lookAfter(Math.min(2 * ms, LONGEST_LOOK_MS)));
    });
    this.#stopLook = () => {
      isWanted = false;
      this.#servesSince = undefined;
      stop();
    };
  }

  async #look(isWanted: () => boolean): Promise<void> {
    const found = await this.#parts.resolve();
    if (isWanted() && found.length > 0 && !same(found, this.#addresses)) {
      this.#addresses = found;
      this.#link?.aim(found);
    }
    const { why, isServing } = await this.#parts.diagnose(found);
    const now = this.#parts.clock.now();
    this.#servesSince = isServing ? (this.#servesSince ?? now) : undefined;
    // one that serves again gets its time until the link has come back to it
    const returnMs = Math.min(this.#timeoutMs / 2, LONGEST_RETURN_MS);
    const isSoon = this.#servesSince !== undefined && now - this.#servesSince < returnMs;
    if (isWanted() && !isSoon) this.#events.trouble(why);
  }
}

/** In whatever order. */
const same = (a: readonly Address[], b: readonly Address[]): boolean =>
  a.length === b.length && a.every(({ host, port }) => b.some((other) => other.host === host && other.port === port));
