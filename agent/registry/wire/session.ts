/**
 * One session with the servers, for as long as it lives: goes from server to server, in the order it is given, and keeps the session while
 * it does. Ends when the servers say so, when our own clock does (4/3 of the timeout without a connection: no server that was there all the time
 * still holds it), when who we are is not accepted, or when it is closed. A new session is a new Session.
 *
 *     connecting ──▶ up ──▶ connecting ──▶ up …
 *          └──────────┴─────────┴──▶ over
 */
import { Backoff } from './backoff.js';
import type { Tls } from './connection.js';
import { Elsewhere } from './elsewhere.js';
import { ZooKeeperError } from './errors.js';
import { Greeting } from './greeting.js';
import type { Login } from './login.js';
import { exists } from './operations.js';
import type { Operation } from './operations.js';
import type { Clock, Random } from './ports.js';
import { describe } from './requests.js';
import type { Bounds, OnAnswer } from './requests.js';
import type { Address } from './resolve.js';
import type { Pieces } from './turns.js';
import { Visit } from './visit.js';
import { WatchRegistry } from './watches.js';
import type { Call } from './watches.js';

export interface SessionParts {
  /** The servers to try, in this order; asked before every round. Never rejects. */
  find(): Promise<readonly Address[]>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly login: Login;
  readonly takesReadOnly: boolean;
  readonly bounds: Bounds;
  readonly longestAnswer: number;
  readonly call: Call;
  /** Asked for each connection, so that new certificates are used. A rejection counts as a connection that failed. */
  readonly tls?: (() => Promise<Tls>) | undefined;
}

export interface Up {
  /** Hex. */
  readonly id: string;
  /** What the servers granted. */
  readonly timeoutMs: number;
  /** The label of the server. */
  readonly server: string;
  readonly isReadOnly: boolean;
}

export interface SessionEvents {
  /** Connected, and every watch is in place: told again after each reconnect. */
  up(up: Up): void;
  down(why: string): void;
  /** The last that is told. `demandedBy`: the server that wants another login than ours. */
  over(why: string, demandedBy?: string): void;
  /** An attempt that failed; the next follows by itself. */
  trouble(why: string): void;
}

const FIRST_CONNECT_MS = 1_000;
const FIRST_GREET_MS = 2_000;
/** So that one that is never answered does not cost the session. Servers have been seen to take a connection and to forget it. */
const LEAST_TRIES = 3;
const CLOSE_MS = 2_000;
const HURRY_MS = 1_000;
/** Whoever was up for so long is not thrown out by everybody, and may knock at the next door at once. */
const STEADY_MS = 1_000;

export class Session {
  readonly watches = new WatchRegistry();
  readonly #parts: SessionParts;
  readonly #events: SessionEvents;
  readonly #greeting: Greeting;
  readonly #backoff: Backoff;
  readonly #end = new AbortController();
  #visit: Visit | undefined;
  #isUp = false;
  #upAt = 0;
  /** The next round begins without a pause. */
  #isSteady = false;
  /** Rounds in which a server let us wait in vain, since it was last up. One that refuses is not slow. */
  #slowRounds = 0;
  #wasSlow = false;
  /** Since it was last up a server got our watches with the greeting, and turned us away. */
  #wasToldInVain = false;
  /** The server that was lost or refused last is tried last. */
  #shunned = '';
  #watchedTo: bigint | undefined;
  #stopClock: () => void = () => undefined;
  #elsewhere: Elsewhere | undefined;

  constructor(parts: SessionParts, events: SessionEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#greeting = new Greeting(parts.timeoutMs, parts.takesReadOnly);
    this.#backoff = new Backoff(parts.random, parts.timeoutMs);
    void this.#run();
  }

  get id(): bigint {
    return this.#greeting.id;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Without a connection it fails at once, and nothing was sent. */
  ask<T>(operation: Operation<T>, onAnswer?: OnAnswer): Promise<T> {
    if (this.#isUp && this.#visit) return this.#visit.ask(operation, onAnswer);
    const [code, why] = !this.#isAlive()
      ? (['CLOSED', 'the session is over'] as const)
      : (['NOT_CONNECTED', 'there is no connection'] as const);
    return Promise.reject(new ZooKeeperError(code, `${describe(operation)}: ${why}`));
  }

  /** Somebody cannot wait: a server that says nothing for a second from now on is left, and the session goes on by another way. */
  hurry(): void {
    const visit = this.#isUp ? this.#visit : undefined;
    if (!visit) return;
    const { heardAt } = visit;
    visit.ask(exists('/', false)).catch(() => undefined);
    this.#parts.clock.after(HURRY_MS, () => {
      if (visit.heardAt === heardAt) visit.end('is silent, and we cannot wait');
    });
  }

  /** The servers watch the path no more. */
  removeWatch(path: string): Pieces<undefined> {
    return this.watches.remove(path, this.#parts.call);
  }

  /** The servers know none on the path. False: nor do we. */
  releaseWatch(path: string): boolean {
    return this.watches.release(path, this.#parts.call);
  }

  /** Ends the session at the servers, if they answer within 2 s. Never rejects; nothing is told afterwards. */
  async close(): Promise<void> {
    const visit = this.#isUp ? this.#visit : undefined;
    this.#settle();
    if (visit) {
      const stop = this.#parts.clock.after(CLOSE_MS, () => visit.end('does not close the session in time'));
      await visit.close();
      stop();
    }
    this.#visit?.end('is left: the session was closed');
  }

  /** Lets go of the servers at once; the session is left to its timeout. Nothing is told afterwards. */
  drop(): void {
    this.#settle();
    this.#visit?.end('is left: we let go of it');
  }

  async #run(): Promise<void> {
    for (let pause = Promise.resolve(); this.#isAlive(); pause = this.#pause()) {
      const [servers] = await Promise.all([this.#parts.find(), pause]); // names are resolved meanwhile
      this.#isSteady = false;
      for (const server of [...servers].sort((one, other) => this.#rank(one) - this.#rank(other))) {
        if (!this.#isAlive() || (await this.#stay(server, servers.length))) break;
      }
      if (this.#wasSlow) this.#slowRounds++;
      this.#wasSlow = false;
    }
  }

  #pause(): Promise<void> {
    if (this.#isSteady) return Promise.resolve();
    return this.#parts.clock.sleep(this.#backoff.next(this.#greeting.isHeld), this.#end.signal).catch(() => undefined);
  }

  /** To be asked anew after every wait. */
  #isAlive(): boolean {
    return !this.#end.signal.aborted;
  }

  #rank({ label }: Address): number {
    return label === this.#shunned ? 1 : 0;
  }

  /** Resolves when the stay has ended, with whether it was one. */
  async #stay(server: Address, count: number): Promise<boolean> {
    let tls: Tls | undefined;
    try {
      tls = await this.#parts.tls?.();
    } catch (error) {
      this.#events.trouble(`${server.label} was not asked: ${(error as Error).message}`);
      return false;
    }
    if (!this.#isAlive()) return false;
    const { promise, resolve } = withResolver<boolean>();
    const most = Math.max(FIRST_CONNECT_MS, this.#greeting.timeoutMs / Math.max(count, LEAST_TRIES));
    const growth = 2 ** Math.min(this.#slowRounds, 10);
    const visit = new Visit(
      server,
      tls,
      {
        ...this.#parts,
        greeting: this.#greeting,
        watches: this.watches,
        watchedTo: this.#watchedTo ?? this.#greeting.zxid,
        greetsAlone: this.#wasToldInVain,
        connectMs: Math.min(most, FIRST_CONNECT_MS * growth),
        greetMs: Math.min(most, FIRST_GREET_MS * growth),
      },
      {
        greeted: () => this.#stopClock(),
        up: (isReadOnly) => {
          if (this.#visit === visit) this.#up(server, isReadOnly); // else it has ended within the turn of its last answer
        },
        doubted: () => void this.#elsewhere?.seekAnswer(),
        ended: (why, over) => {
          this.#shunned = server.label;
          this.#isSteady = this.#isUp && count > 1 && this.#parts.clock.now() - this.#upAt >= STEADY_MS;
          resolve(this.#isUp);
          this.#ended(visit, why, over);
        },
      },
    );
    this.#visit = visit;
    this.#elsewhere = new Elsewhere(this.#parts, visit);
    return promise;
  }

  #up(server: Address, isReadOnly: boolean): void {
    if (!this.#isAlive()) return;
    this.#isUp = true;
    this.#upAt = this.#parts.clock.now();
    this.#slowRounds = 0;
    this.#wasSlow = false;
    this.#wasToldInVain = false;
    this.#backoff.confirmed();
    this.#watchedTo = undefined;
    const { hexId: id, timeoutMs } = this.#greeting;
    if (isReadOnly) this.#elsewhere?.seekWriter();
    this.#events.up({ id, timeoutMs, server: server.label, isReadOnly });
  }

  #ended(visit: Visit, why: string, over: 'gone' | 'login' | undefined): void {
    const wasUp = this.#isUp;
    this.#isUp = false;
    this.#visit = undefined;
    this.#elsewhere?.end();
    if (!this.#isAlive()) return;
    if (over) return this.#over(why, over === 'login' ? visit.label : undefined);
    if (wasUp) {
      this.#watchedTo = this.#greeting.zxid;
      this.#events.down(why);
    } else this.#events.trouble(why);
    this.#wasToldInVain ||= visit.wasToldInVain;
    if (visit.wasGreeted) this.#startClock();
    else if (visit.wasSlow) this.#wasSlow = true;
  }

  /** A server may count in ticks, and one that was started anew begins to count again: hence a third more. */
  #startClock(): void {
    const { timeoutMs, isHeld } = this.#greeting;
    if (!isHeld || !this.#isAlive()) return;
    const { clock } = this.#parts;
    const longest = Math.ceil((timeoutMs * 4) / 3);
    this.#stopClock();
    this.#stopClock = clock.after(longest, () =>
      this.#over(`no connection for ${longest} ms, and it lives ${timeoutMs} ms without`),
    );
  }

  #over(why: string, demandedBy?: string): void {
    this.#settle();
    this.#visit?.end('is left: the session is over');
    this.#events.over(why, demandedBy);
  }

  /** From now on nobody is told anything, and nobody tried. */
  #settle(): void {
    this.#isUp = false;
    this.#end.abort();
    this.#stopClock();
    this.#elsewhere?.end();
  }
}

function withResolver<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
