/**
 * Where the app's calls come in: opens the listeners, accepts, and gives each connection to a lane. Today that is the full lane; a fast
 * one would be asked first and hand on what is not plain (lane.ts).
 *
 *     listener ──▶ accept ──▶ lane.take ──▶ route, upstream, attempt (full/call.ts)
 */
import { FullLane, type FullLaneOptions } from './full/lane.js';
import type { CallParts, Lookup } from './full/plan.js';
import type { Lane } from './lane.js';
import { closeOne, openAll, type Open, type ProxyListener } from './listen.js';
import type { Clock, Emit, Random } from './ports.js';
import type { CallSettings } from './settings.js';
import { UpstreamStats } from './stats.js';

export type { Lookup } from './full/plan.js';
export { ListenError, type ProxyListener } from './listen.js';

export interface ProxyOptions extends FullLaneOptions {
  readonly listeners: readonly ProxyListener[];
  /** What holds for calls of this upstream. Asked for every call. */
  readonly settings: (upstream: string) => CallSettings;
  /** The suffix that is taken off a Host, without a dot before it. Empty: none. */
  readonly domain: string;
  /** Names of this machine, beside `localhost` and addresses, under which `/svc/NAME/…` is honoured. */
  readonly own?: readonly string[];
  /** Who we are in Via, so that a call that comes back is known: unlike every other sidecar's. */
  readonly pseudonym: string;
  /** The pod's address, to be appended to `x-forwarded-for`. Absent: those fields pass untouched. */
  readonly forwardedFor?: string | undefined;
  readonly maxFields: number;
  /** Tell `call_ended` for every call. */
  readonly accessLog?: boolean;
  /** Tell `attempt_ended` for every attempt: asked each time, since the level of the log can change. */
  readonly traced?: () => boolean;
}

export interface ProxyParts {
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly options: ProxyOptions;
}

export class Proxy {
  /** The calls that were for no upstream: no name, an unknown one, no HTTP. */
  readonly strays = new UpstreamStats();
  readonly #listeners: readonly ProxyListener[];
  readonly #lane: Lane;
  #open: readonly Open[] = [];

  constructor({ lookup, clock, random, emit, options }: ProxyParts) {
    const { settings, domain, pseudonym, forwardedFor, maxFields, accessLog = false, traced = () => false } = options;
    const own = new Set((options.own ?? []).map((name) => name.toLowerCase()));
    const told = { settings, domain, own, pseudonym, forwardedFor, maxFields, accessLog, traced };
    const parts: CallParts = { ...{ lookup, clock, random, emit, strays: this.strays }, ...told };
    this.#listeners = options.listeners;
    this.#lane = new FullLane(parts, options);
  }

  /** Opens every listener or none. Resolves with where they are in truth; rejects with a ListenError that says what to do. */
  async listen(): Promise<readonly { readonly at: string; readonly upstream?: string }[]> {
    this.#open = await openAll(this.#listeners, (socket, { upstream }) => this.#lane.take(socket, { upstream }));
    return this.#open.map(({ at, listener: { upstream } }) => (upstream === undefined ? { at } : { at, upstream }));
  }

  /** Serves on; answers are the last of their connections, and idle connections end. */
  drain(): void {
    this.#lane.drain();
  }

  /** What is open: nothing left means that the app has gone. */
  quiet(): { readonly connections: number; readonly calls: number } {
    const { connections, calls } = this.#lane;
    return { connections, calls };
  }

  /** Stops listening and cuts what still runs. */
  async close(): Promise<void> {
    const closed = this.#open.map(closeOne);
    await this.#lane.close();
    await Promise.all(closed);
  }
}
