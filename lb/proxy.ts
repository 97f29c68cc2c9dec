/**
 * Where the app's calls come in: opens the listeners, accepts, and gives each connection to a lane. Today that is the full lane; a fast
 * one would be asked first and hand on what is not plain (lane.ts). Listeners of plain TCP have one of their own.
 *
 *     listener ──▶ accept ──▶ lane.take ──▶ route, upstream, attempt (full/call.ts)
 *                                      └──▶ upstream, bytes (tcp.ts)
 */
import { FullLane, type FullLaneOptions } from './full/lane.js';
import type { CallParts, Lookup } from './full/plan.js';
import type { Lane } from './lane.js';
import { closeOne, openAll, type Open, type ProxyListener } from './listen.js';
import type { Clock, Emit, Random } from './ports.js';
import type { Refused } from './refusal.js';
import type { CallSettings } from './settings.js';
import { UpstreamStats } from './stats.js';
import { TcpLane } from './tcp.js';

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
  readonly #http: Lane;
  readonly #tcp: Lane;
  #open: readonly Open[] = [];

  constructor({ lookup, clock, random, emit, options }: ProxyParts) {
    const { settings, domain, pseudonym, forwardedFor, maxFields, accessLog = false, traced = () => false } = options;
    const own = new Set((options.own ?? []).map((name) => name.toLowerCase()));
    const told = { settings, domain, own, pseudonym, forwardedFor, maxFields, accessLog, traced };
    const tcpOnly = new Set(options.listeners.flatMap(({ tcp, upstream }) => (tcp && upstream !== undefined ? [upstream] : [])));
    const httpLookup: Lookup = (name, absolute) => {
      const found = lookup(name, absolute);
      return 'code' in found || !tcpOnly.has(found.name) ? found : noHttp(found.name);
    };
    const parts: CallParts = { ...{ lookup: httpLookup, clock, random, emit, strays: this.strays }, ...told };
    this.#listeners = options.listeners;
    this.#http = new FullLane(parts, options);
    this.#tcp = new TcpLane({
      ...{ clock, emit, settings, accessLog, traced },
      strays: this.strays,
      lookup: (name) => lookup(name, false),
    });
  }

  /** Opens every listener or none. Resolves with where they are in truth; rejects with a ListenError that says what to do. */
  async listen(): Promise<readonly { readonly at: string; readonly upstream?: string; readonly tcp: boolean }[]> {
    this.#open = await openAll(this.#listeners, (socket, { upstream, tcp }) =>
      (tcp ? this.#tcp : this.#http).take(socket, { upstream }),
    );
    return this.#open.map(({ at, listener: { upstream, tcp = false } }) => ({
      at,
      tcp,
      ...(upstream !== undefined && { upstream }),
    }));
  }

  /** Serves on; answers are the last of their connections, and idle connections end. */
  drain(): void {
    this.#http.drain();
    this.#tcp.drain();
  }

  /** What is open: nothing left means that the app has gone. */
  quiet(): { readonly connections: number; readonly calls: number } {
    const [http, tcp] = [this.#http, this.#tcp];
    return { connections: http.connections + tcp.connections, calls: http.calls + tcp.calls };
  }

  /** Stops listening, ends tunnels in order, for a while, and cuts what else still runs. */
  async close(): Promise<void> {
    const closed = this.#open.map(closeOne);
    await Promise.all([this.#http.close(), this.#tcp.close()]);
    await Promise.all(closed);
  }
}

/** Its endpoints would answer garbage, and their circuits would open for those who speak with them rightly. */
const noHttp = (name: string): Refused => ({
  code: 'unknown_upstream',
  message: `"${name}" is reached by plain TCP, on the port that ZIDECAR_UPSTREAMS gives it, not by HTTP`,
});
