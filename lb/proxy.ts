/**
 * Where the app's calls come in: opens the listeners, accepts, and gives each connection to a lane: to the fast one, which hands on what
 * is not plain, or to the full one at once. Listeners of plain TCP have a lane of their own.
 *
 *     listener ──▶ accept ──▶ fast/lane.ts ──▶ fast/call.ts     route, upstream, attempt
 *                        │        └ not plain ──▶ full/lane.ts ──▶ full/call.ts
 *                        └──▶ tcp.ts     upstream, bytes
 */
import { FastLane } from './fast/lane.js';
import { FullLane } from './full/lane.js';
import type { CallParts, Lane, LaneOptions, Lookup } from './lane.js';
import { LastCalls } from './last-calls.js';
import { closeOne, openAll, type Open, type ProxyListener } from './listen.js';
import type { Clock, Emit, Random } from './ports.js';
import type { Refused } from './refusal.js';
import { rehearse, type Rehearsal, type Rehearsed } from './rehearse.js';
import type { CallSettings } from './settings.js';
import { UpstreamStats } from './stats.js';
import { TcpLane } from './tcp.js';

export type { Lookup } from './lane.js';
export { ListenError, type ProxyListener } from './listen.js';

export interface ProxyOptions extends LaneOptions {
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
  /** Plain exchanges take the fast lane. */
  readonly fastLane?: boolean;
  /** Tell `call_ended` for every call. Looked at with each, since it can change. */
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
  readonly lastCalls: LastCalls;
  readonly #rules: Pick<CallParts, 'own' | 'domain' | 'pseudonym' | 'settings'>;
  readonly #listeners: readonly ProxyListener[];
  readonly #tcpOnly: ReadonlySet<string>;
  /** Takes every connection that speaks HTTP. */
  readonly #http: Lane;
  readonly #full: FullLane;
  readonly #tcp: Lane;
  #open: readonly Open[] = [];

  constructor({ lookup, clock, random, emit, options }: ProxyParts) {
    const { settings, domain, pseudonym, forwardedFor, maxFields, traced = () => false } = options;
    const own = new Set((options.own ?? []).map((name) => name.toLowerCase()));
    const told = { settings, domain, own, pseudonym, forwardedFor, maxFields, traced };
    const accessLog = (): boolean => options.accessLog ?? false;
    this.#tcpOnly = new Set(options.listeners.flatMap(({ tcp, upstream }) => (tcp && upstream !== undefined ? [upstream] : [])));
    this.lastCalls = new LastCalls(() => clock.wall());
    this.#rules = told;
    const parts: CallParts = {
      ...{ lookup: this.#byHttp(lookup), clock, random, emit, strays: this.strays, lastCalls: this.lastCalls },
      ...told,
      get accessLog() {
        return accessLog();
      },
    };
    this.#listeners = options.listeners;
    this.#full = new FullLane(parts, options);
    this.#http = options.fastLane ? new FastLane(parts, options, this.#full) : this.#full;
    this.#tcp = new TcpLane({
      ...{ clock, emit, settings, traced },
      get accessLog() {
        return accessLog();
      },
      strays: this.strays,
      lookup: (name) => lookup(name, false),
    });
  }

  /** Opens every listener or none. Resolves with where they are in truth; rejects with a ListenError that says what to do. */
  async listen(): Promise<readonly { readonly at: string; readonly upstream?: string; readonly tcp: boolean }[]> {
    if (this.#http === this.#full) await this.#full.load();
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

  /** What would become of a call on the outbound listeners. Nothing is sent; `lookup` follows nobody new. */
  rehearse(call: Rehearsed, lookup: Lookup): Rehearsal {
    return rehearse(call, { ...this.#rules, lookup: this.#byHttp(lookup), fixedUpstream: this.#servedAt(call.target) });
  }

  #byHttp(lookup: Lookup): Lookup {
    return (name, absolute) => {
      const found = lookup(name, absolute);
      return 'code' in found || !this.#tcpOnly.has(found.name) ? found : noHttp(found.name);
    };
  }

  /** The upstream that the listener at a URL serves alone; it does not matter by which address of this machine it is named. */
  #servedAt(target: string): string | undefined {
    const [, host = '', port] = /^http:\/\/(localhost|[\d.]+|\[[\da-f:.]+\]):(\d+)(?:[/?#]|$)/i.exec(target) ?? [];
    return host === '' ? undefined : this.#open.find(({ at }) => at.endsWith(`:${port}`))?.listener.upstream;
  }

  /** How many calls each lane has carried so far. */
  carried(): Readonly<Record<'fast' | 'full' | 'tcp', number>> {
    const fast = this.#http === this.#full ? 0 : this.#http.carried;
    return { fast, full: this.#full.carried, tcp: this.#tcp.carried };
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
