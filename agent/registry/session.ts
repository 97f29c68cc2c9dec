/**
 * Keeps one session with ZooKeeper, whatever happens. One turn of the loop is one session: find addresses, open a link, live with it
 * until the session has ended, pause, and again. Knows nothing of how a link speaks; the native client is one way, see zookeeper.ts.
 *
 *     connecting ──confirmed──▶ connected ◀──same session──▶ suspended
 *         ▲                         │                            │  the servers say so, or 4/3 of the timeout
 *         └──── pause ◀──────────── expired ◀────────────────────┘  without a connection: nobody can say so
 *
 * Confirmed means that the servers have answered a question within the session; only that ends the growth of the pauses. What an old
 * link still has to say is not heard: each turn listens to its own link, and to nobody once it is over.
 */
import { elapsed } from '../elapsed.js';
import type { Clock } from '../system.js';
import { Turn } from './turn.js';
import type { KeeperParts, Link } from './turn.js';
import type { Session } from './tree.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** A link that finds nobody at first is slow to look again by itself, so it is replaced soon; a session that is slow to come is not. */
const FIRST_PATIENCE_MS = 2_000;
const LONGEST_PATIENCE_MS = 8_000;
const FAREWELL_MS = 2_000;
const MOST_TOLD = 64;

export class SessionKeeper<L extends Link> {
  readonly #parts: KeeperParts<L>;
  readonly #listeners = new Set<(session: Session) => void>();
  readonly #end = new AbortController();
  /** Sentences that were told since the last confirmed session. */
  readonly #told = new Set<string>();
  #session: Session;
  #turn: Turn<L> | undefined;
  /** The last turn ended without a session although a server served: once is a server that has just come up. */
  #wasServed = false;
  /** The servers may have the last session still: none has said that it has ended. */
  #stands = false;
  #closing: Promise<void> | undefined;

  constructor(parts: KeeperParts<L>) {
    this.#parts = parts;
    this.#session = { state: 'connecting', id: '', epoch: 0, timeoutMs: parts.timeoutMs };
    parts.emit({ kind: 'session_changed', state: 'connecting', session: '' });
    void this.#run();
  }

  get session(): Session {
    return this.#session;
  }

  /** Only while the session is connected. */
  get link(): L | undefined {
    return this.#session.state === 'connected' ? this.#turn?.link : undefined;
  }

  onSession(listener: (session: Session) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Ends the session and the loop. `farewell` has 2 s for what is still to be asked; when it fails or takes longer, the servers cannot be
   * reached, and the session is left to its timeout.
   */
  close(farewell: (link: L) => Promise<void>): Promise<void> {
    return (this.#closing ??= this.#close(farewell));
  }

  async #close(farewell: (link: L) => Promise<void>): Promise<void> {
    const link = this.link;
    this.#end.abort();
    const isTold = link !== undefined && (await within(FAREWELL_MS, farewell(link), this.#parts.clock));
    if (isTold) await link.close();
    this.#turn?.end('closed');
    const ms = elapsed(this.#session.timeoutMs);
    const why = `no server could be told: its nodes may stay for about ${ms}, counted from when the servers are back if they were down`;
    this.#become({ ...this.#session, state: 'closed' }, this.#stands && !isTold ? why : undefined);
    this.#listeners.clear();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#parts;
    for (let failures = 0; !this.#end.signal.aborted;) {
      failures = (await this.#takeTurn(failures)) ? 0 : failures + 1;
      // shorter than a session, so that after an outage we are back before the node of our last one goes
      const longest = Math.min(LONGEST_PAUSE_MS, this.#parts.timeoutMs / 3);
      await clock.sleep(random() * grown(FIRST_PAUSE_MS, failures, longest), this.#end.signal).catch(() => undefined);
    }
  }

  /** From the addresses to the end of one session. Answers whether there was one. */
  async #takeTurn(failures: number): Promise<boolean> {
    this.#become({ ...this.#session, state: 'connecting' });
    const patienceMs = grown(FIRST_PATIENCE_MS, failures, Math.min(LONGEST_PATIENCE_MS, this.#parts.timeoutMs));
    const turn = new Turn(this.#parts, patienceMs, {
      connected: (id, timeoutMs, server) => this.#connected(id, timeoutMs, server),
      suspended: (why) => this.#become({ ...this.#session, state: 'suspended' }, why ?? 'the connection is lost'),
      trouble: (why) => this.#tell(why),
    });
    this.#turn = turn;
    try {
      const link = await turn.open();
      const why = await turn.ended;
      link.drop();
      if (turn.wasEnded) this.#stands = false;
      if (turn.wasConfirmed) this.#become({ ...this.#session, state: 'expired' }, why);
      else if (why !== undefined) this.#tell(why, turn.demandedBy);
      else if (!this.#end.signal.aborted) await this.#explain(turn);
    } catch (error) {
      this.#tell((error as Error).message);
    }
    return turn.wasConfirmed;
  }

  async #explain({ addresses }: Turn<L>): Promise<void> {
    const { why, isServing } = await this.#parts.diagnose(addresses);
    if (!isServing || this.#wasServed) this.#tell(why);
    this.#wasServed = isServing;
  }

  #connected(id: string, timeoutMs: number, server: string | undefined): void {
    this.#told.clear();
    this.#wasServed = false;
    this.#stands = true;
    const epoch = this.#session.epoch + (id === this.#session.id ? 0 : 1);
    this.#become({ state: 'connected', id, epoch, timeoutMs, ...(server !== undefined && { server }) });
  }

  #become(session: Session, why?: string): void {
    const { state, id, server } = session;
    if (state === this.#session.state || (this.#end.signal.aborted && state !== 'closed')) return;
    this.#session = session;
    const where = server !== undefined && state === 'connected' ? { server } : {};
    this.#parts.emit({ kind: 'session_changed', state, session: id, ...where, ...(why !== undefined && { why }) });
    for (const listener of [...this.#listeners]) listener(session);
  }

  #tell(why: string, demandedBy?: string): void {
    if (this.#end.signal.aborted || this.#told.has(why)) return;
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.add(why);
    this.#parts.emit({ kind: 'session_trouble', why, ...(demandedBy !== undefined && { demandedBy }) });
  }
}

/** Whether it succeeds in time. */
const within = (ms: number, work: Promise<unknown>, clock: Clock): Promise<boolean> =>
  new Promise((resolve) => {
    const stop = clock.after(ms, () => resolve(false));
    void work.then(
      () => (stop(), resolve(true)),
      () => (stop(), resolve(false)),
    );
  });

/** Doubles with each failure. */
const grown = (first: number, failures: number, longest: number): number =>
  Math.min(longest, first * 2 ** Math.min(failures, 20));
