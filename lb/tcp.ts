/**
 * Connections of plain TCP: a listener for one upstream, and bytes from end to end. Each is a call that holds a lease while it is open.
 *
 *     accept ─▶ lookup ─▶ listed? ─▶ acquire ─▶ dial ─▶ answered ─▶ tunnel ─▶ release
 *                  │         │        ▲  │       │ failed
 *                  └─ reset ◀┴────────┼──┴───────┤          (there is no other way to tell the app)
 *                                     └── retry ◀┘
 *
 * What the app sends before there is an endpoint waits in its socket, so a connect that fails costs nothing and goes elsewhere. A connect
 * that came through is the whole evidence: bytes say nothing here, and who breaks off may mean it. Nothing is drained away from an app that
 * is still at work: its connections go on until it ends them, or until the sidecar closes.
 */
import type { Socket } from 'node:net';
import { alarm } from './alarm.js';
import { dialled } from './dial.js';
import { address } from './endpoint.js';
import { CallError, type FailureCode } from './errors.js';
import { sourceKey } from './hash-key.js';
import type { Entrance, Lane } from './lane.js';
import type { Lease } from './lease.js';
import { failed } from './outcome.js';
import type { Clock, Emit } from './ports.js';
import type { Refused } from './refusal.js';
import { reset } from './reset.js';
import type { CallSettings } from './settings.js';
import type { UpstreamStats } from './stats.js';
import { Tunnel, type TunnelEnd } from './tunnel.js';
import type { Upstream } from './upstream.js';

export interface TcpParts {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly lookup: (name: string) => Upstream | Refused;
  readonly settings: (upstream: string) => CallSettings;
  readonly strays: UpstreamStats;
  readonly accessLog: boolean;
  readonly traced: () => boolean;
}

const resultOf: Readonly<Record<TunnelEnd, 'ended' | FailureCode>> = {
  ended: 'ended',
  app_broke: 'client_gone',
  endpoint_broke: 'cut',
  idle: 'tunnel_idle',
  stopped: 'cut',
};

interface Story {
  readonly began: number;
  attempts: number;
  endpoint: string | undefined;
}

export class TcpLane implements Lane {
  calls = 0;
  carried = 0;
  readonly #parts: TcpParts;
  readonly #open = new Map<Socket, Tunnel | undefined>();
  /** Upstreams whose connections are refused, and why: told when that begins or changes, not for each. */
  readonly #refusing = new Map<Upstream, FailureCode>();
  #quiet: () => void = () => undefined;

  constructor(parts: TcpParts) {
    this.#parts = parts;
  }

  get connections(): number {
    return this.#open.size;
  }

  take(app: Socket, { upstream = '' }: Entrance): void {
    this.#open.set(app, undefined);
    app.on('error', () => app.destroy());
    app.once('close', () => {
      this.#open.delete(app);
      this.#left();
    });
    this.calls++;
    this.carried++;
    void this.#carry(app, upstream).finally(() => {
      this.calls--;
      this.#left();
    });
  }

  drain(): void {
    // an app that still has work to do needs its connections for it, and nobody knows where a message ends
  }

  async close(): Promise<void> {
    const quiet = new Promise<void>((resolve) => (this.#quiet = resolve));
    for (const [app, tunnel] of this.#open)
      if (tunnel) tunnel.finish();
      else app.destroy();
    this.#left();
    await quiet;
  }

  #left(): void {
    if (this.#open.size === 0 && this.calls === 0) this.#quiet();
  }

  async #carry(app: Socket, name: string): Promise<void> {
    const { clock, lookup, settings: settingsOf, strays } = this.#parts;
    const began = clock.now();
    const upstream = lookup(name);
    if ('code' in upstream) {
      strays.ended(upstream.code, 0);
      return reset(app);
    }
    const story: Story = { began, attempts: 0, endpoint: undefined };
    const settings = settingsOf(name);
    upstream.budget.called(began);
    const stop = new AbortController();
    const gone = (): void => stop.abort(new CallError('client_gone', 'the app went away'));
    app.once('close', gone);
    const { requestTimeoutMs } = settings;
    const late = `no connection in ${requestTimeoutMs ?? 0} ms`;
    const stopAlarm = alarm(clock, requestTimeoutMs, () => stop.abort(new CallError('request_timeout', late)));
    const key = settings.hashOn?.by === 'source' ? sourceKey(app.remoteAddress, settings.hashOn.own) : undefined;
    const reached = await this.#reach(upstream, { ...settings, key }, stop.signal, story);
    stopAlarm();
    app.off('close', gone);
    const connectedMs = clock.now() - began;

    if ('code' in reached) {
      this.#refused(upstream, reached);
      reset(app);
      return this.#tell(upstream, story, reached.code, connectedMs);
    }
    this.#refusing.delete(upstream);
    const { lease, endpoint } = reached;
    const bytes = upstream.stats.tunnelled;
    const tunnel = new Tunnel({ clock, app, endpoint, idleTimeoutMs: settings.tunnelIdleTimeoutMs, bytes });
    this.#open.set(app, tunnel);
    const end = await tunnel.closed;
    lease.release();
    this.#tell(upstream, story, resultOf[end], connectedMs);
  }

  async #reach(
    upstream: Upstream,
    { connectTimeoutMs, key, retryOn: on }: CallSettings & { readonly key: number | undefined },
    stop: AbortSignal,
    story: Story,
  ): Promise<{ readonly lease: Lease; readonly endpoint: Socket } | Refused> {
    const { clock, emit, traced } = this.#parts;
    const aborted = new Promise<true>((resolve) => stop.addEventListener('abort', () => resolve(true), { once: true }));
    const unlisted = await Promise.race([upstream.whenListed(), aborted]);
    if (typeof unlisted === 'string') return upstream.whyNot(unlisted);
    const tried: string[] = [];
    let last: CallError | undefined;
    for (;;) {
      if (stop.aborted) return stop.reason as CallError;
      const lease = upstream.acquire({ tried, again: last !== undefined, key });
      if (typeof lease === 'string') return last ?? upstream.whyNot(lease === 'tried_all' ? 'all_open' : lease);
      story.attempts++;
      story.endpoint = address(lease.endpoint);
      const dialledAt = clock.now();
      const endpoint = await dialled(
        lease.endpoint,
        { clock, connectTimeoutMs, allowHalfOpen: true, usage: upstream.usage },
        stop,
      );
      const ms = clock.now() - dialledAt;
      const result = endpoint instanceof CallError ? endpoint.code : 'connected';
      if (traced()) emit({ kind: 'attempt_ended', upstream: upstream.name, endpoint: story.endpoint, result, ms });
      if (!(endpoint instanceof CallError)) {
        lease.answered({ kind: 'success', ms });
        return { lease, endpoint };
      }
      lease.answered(failed(endpoint.code, ms));
      lease.release();
      tried.push(lease.endpoint.id);
      last = endpoint;
      const unsentTries = tried.length;
      const nothingWritten = { idempotent: false, replayable: true, attempt: 0, unsentTries, retries: 0, on, leftMs: Infinity };
      const pauseMs = upstream.retry.next(nothingWritten, { code: last.code, sent: 'nothing' }, clock.now());
      if (pauseMs === undefined) return last;
      if (pauseMs > 0) await clock.sleep(pauseMs, stop).catch(() => undefined);
    }
  }

  #refused(upstream: Upstream, { code, message }: Refused): void {
    if (code === 'client_gone' || this.#refusing.get(upstream) === code) return;
    this.#refusing.set(upstream, code);
    this.#parts.emit({ kind: 'connections_refused', upstream: upstream.name, code, why: message });
  }

  #tell({ name, stats }: Upstream, { began, attempts, endpoint }: Story, result: 'ended' | FailureCode, ms: number): void {
    stats.ended(result, ms);
    const { clock, emit, accessLog } = this.#parts;
    if (!accessLog) return;
    const became = result === 'ended' ? {} : { code: result };
    const about = { upstream: name, attempts, ms: clock.now() - began, ...(endpoint !== undefined && { endpoint }) };
    emit({ kind: 'connection_ended', ...about, ...became });
  }
}
