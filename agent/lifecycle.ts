/**
 * From the first listener to the last byte: the phases of the process, and the order of stopping.
 *
 *   starting ──▶ ready ──▶ draining ──▶ stopped
 *
 * Stopping loses no call when everybody else hears of it first, so: withdraw; wait until peers can know; only then tell the child; keep
 * carrying the app's own calls until it has none; last of all close the session, so that nothing stale remains.
 */
import type { Emit, Phase } from './events.js';
import type { Clock } from './system.js';

export interface Stopping {
  /** Withdraws every announcement; resolves when the registry has confirmed it. Undefined: nobody has ever heard of us. */
  withdraw(): Promise<void> | undefined;
  /** Resolves when every server of the registry knows of the withdrawal, or after so long. */
  spread(withinMs: number): Promise<void>;
  /** Answers carry `Connection: close` from now on. */
  drainOutbound(): void;
  /** What the app still has open here. */
  outbound(): { readonly connections: number; readonly calls: number };
  /** The program that `run --` started, if any. */
  child(): { readonly ended: Promise<number>; signal(name: NodeJS.Signals): void } | undefined;
  /** Closes listeners, connections and the session, in that order. */
  close(): Promise<void>;
}

export interface Patience {
  readonly drainWaitMs: number;
  /** Undefined: as long as it takes. */
  readonly graceMs: number | undefined;
}

/** The app is taken to be gone when it had no connection and no call at so many looks in a row: while we stand still nobody looks. */
const QUIET_LOOKS = 20;
const LOOK_MS = 50;
/** What a withdrawal gets at the least, even when nobody is waited for. */
const LEAST_WITHDRAW_MS = 2_000;
/** For a server that lags behind the others. */
const SPREAD_MS = 1_000;

export class Lifecycle {
  #phase: Phase = 'starting';
  #closing = false;
  #drained: Promise<void> | undefined;
  /** The registry has confirmed the last withdrawal. */
  #withdrawn: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #tellStopped: () => void = () => undefined;
  /** Resolves when everything is closed, whoever asked for it. */
  readonly stopped = new Promise<void>((resolve) => (this.#tellStopped = resolve));
  readonly #parts: Stopping;
  readonly #patience: Patience;
  readonly #clock: Clock;
  readonly #emit: Emit;

  constructor(parts: Stopping, patience: Patience, clock: Clock, emit: Emit) {
    this.#parts = parts;
    this.#patience = patience;
    this.#clock = clock;
    this.#emit = emit;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** True from the moment the outbound listener begins to close: the only time when `/ready` says no after it said yes. */
  get closing(): boolean {
    return this.#closing;
  }

  started(): void {
    this.#enter('ready', 'every listener is open');
  }

  /** Withdraws and waits until peers can know. The process lives on. A second call joins the first. */
  drain(): Promise<void> {
    this.#drained ??= this.#withdraw(this.#patience.drainWaitMs);
    return this.#drained;
  }

  /** Peers may hear of us again, so a later drain has to wait again. */
  undrained(): void {
    this.#drained = undefined;
  }

  /** Stops in order; a second call joins the first. Resolves when everything is closed. */
  stop(signal: NodeJS.Signals, why: string): Promise<void> {
    this.#stopping ??= this.#stop(signal, why);
    return this.#stopping;
  }

  /** The child ended by itself: nobody is left to be carried, and nothing that peers could still reach. */
  childEnded(why: string): Promise<void> {
    this.#drained ??= this.#withdraw(0);
    return this.stop('SIGTERM', why);
  }

  async #stop(signal: NodeJS.Signals, why: string): Promise<void> {
    this.#enter('draining', why);
    const child = this.#parts.child();
    const childGone = child?.ended.then(() => this.#atMost(this.#withdrawn, LEAST_WITHDRAW_MS));
    await Promise.race(childGone ? [this.drain(), childGone] : [this.drain()]);
    this.#parts.drainOutbound();
    child?.signal(signal);
    const over = new AbortController();
    const gone = child?.ended ?? this.#quiet(over.signal);
    await this.#atMost(gone, this.#patience.graceMs);
    over.abort();
    await this.#close(why);
  }

  /** Closes what is open already, when the start has failed. */
  abandon(): Promise<void> {
    return this.#close('the start has failed');
  }

  async #close(why: string): Promise<void> {
    this.#closing = true;
    await this.#parts.close();
    this.#enter('stopped', why);
    this.#tellStopped();
  }

  async #withdraw(waitMs: number): Promise<void> {
    const withdrawn = this.#parts.withdraw();
    if (withdrawn === undefined) return;
    this.#withdrawn = withdrawn;
    // An unreachable registry must not hold up the end: peers cannot hear of it either way, and the session's end will tell them.
    if (!(await this.#atMost(withdrawn, Math.max(waitMs, LEAST_WITHDRAW_MS))) || waitMs === 0) return;
    // the time that peers get begins when the last server can tell them
    await this.#atMost(this.#parts.spread(SPREAD_MS), SPREAD_MS);
    await this.#clock.sleep(waitMs);
  }

  async #quiet(signal: AbortSignal): Promise<void> {
    for (let looks = 0; !signal.aborted && looks < QUIET_LOOKS;) {
      await this.#clock.sleep(LOOK_MS);
      const { connections, calls } = this.#parts.outbound();
      looks = connections + calls > 0 ? 0 : looks + 1;
    }
  }

  /** Whether it was done in time. */
  async #atMost(done: Promise<unknown>, ms: number | undefined): Promise<boolean> {
    const over = new AbortController();
    const late = ms === undefined ? [] : [this.#clock.sleep(ms, over.signal).then(() => false)];
    const inTime = await Promise.race([done.then(() => true), ...late.map((sleep) => sleep.catch(() => false))]);
    over.abort();
    return inTime;
  }

  #enter(phase: Phase, why: string): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#emit({ kind: 'phase_changed', phase, why });
  }
}
