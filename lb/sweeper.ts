/**
 * A runner: it connects to endpoints that could not be reached, and tells their upstream how that went, so that no call has to find out. Those
 * whose circuit is open get a connect every half second: the trial is a real call, but need not wait out its time. Suspects get one soon
 * after they have become so, and ten a second until they are cleared or their circuit has opened. It judges nothing.
 *
 * Bounded: so many connects at one time, each so long. With more endpoints than that, each sweep goes on where the last one stopped.
 */
import { dial, longestAsideMs } from './dial.js';
import type { Endpoint } from './endpoint.js';
import { CallError, type FailureCode } from './errors.js';
import type { Clock } from './ports.js';

/** What it needs of an upstream. */
export interface Swept {
  readonly name: string;
  unreachable(): readonly Endpoint[];
  suspects(): readonly Endpoint[];
  reached(endpoint: Endpoint): void;
  unreached(endpoint: Endpoint, code: FailureCode): void;
}

export interface SweeperParts {
  readonly clock: Clock;
  readonly upstreams: () => Iterable<Swept>;
  /** Of the upstream with this name; a place is held for ten seconds at most. */
  readonly connectTimeoutMs: (upstream: string) => number | undefined;
  readonly everyMs?: number;
  readonly suspectsEveryMs?: number;
  readonly concurrency?: number;
}

export class Sweeper {
  readonly #clock: Clock;
  readonly #upstreams: () => Iterable<Swept>;
  readonly #connectTimeoutMs: SweeperParts['connectTimeoutMs'];
  readonly #everyMs: number;
  readonly #suspectsEveryMs: number;
  readonly #concurrency: number;
  /** The connects that are under way, and how each is ended. */
  readonly #running = new Map<Endpoint, () => void>();
  /** How many were tried so far: where the next sweep begins. */
  #tried = 0;
  #stop: (() => void) | undefined;
  #stopSoon: (() => void) | undefined;

  constructor({ clock, upstreams, connectTimeoutMs, everyMs = 500, suspectsEveryMs = 100, concurrency = 16 }: SweeperParts) {
    this.#clock = clock;
    this.#upstreams = upstreams;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#everyMs = everyMs;
    this.#suspectsEveryMs = suspectsEveryMs;
    this.#concurrency = concurrency;
  }

  /** A second start changes nothing. */
  start(): void {
    this.#stop ??= this.#clock.every(this.#everyMs, () => this.#sweep((upstream) => upstream.unreachable()));
  }

  /** Somebody has become suspect. Asking again changes nothing. */
  soon(): void {
    if (this.#stop === undefined) return;
    this.#stopSoon ??= this.#clock.after(this.#suspectsEveryMs, () => {
      this.#stopSoon = undefined;
      if (this.#sweep((upstream) => upstream.suspects())) this.soon();
    });
  }

  /** Ends the sweeping and every connect that is under way. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#stopSoon?.();
    this.#stopSoon = undefined;
    for (const end of this.#running.values()) end();
  }

  /** True: there was somebody. */
  #sweep(whom: (upstream: Swept) => readonly Endpoint[]): boolean {
    const asked = [...this.#upstreams()].flatMap((upstream) => whom(upstream).map((endpoint) => ({ upstream, endpoint })));
    const waiting = asked.filter(({ endpoint }) => !this.#running.has(endpoint));
    const start = this.#tried % Math.max(1, waiting.length);
    const inTurn = [...waiting.slice(start), ...waiting.slice(0, start)].slice(0, this.#concurrency - this.#running.size);
    this.#tried += inTurn.length;
    for (const { upstream, endpoint } of inTurn) this.#connect(upstream, endpoint);
    return asked.length > 0;
  }

  #connect(upstream: Swept, endpoint: Endpoint): void {
    const connectTimeoutMs = Math.min(this.#connectTimeoutMs(upstream.name) ?? longestAsideMs, longestAsideMs);
    const giveUp = dial(endpoint, { clock: this.#clock, connectTimeoutMs }, (socket) => {
      this.#running.delete(endpoint);
      if (this.#stop === undefined) return; // given up, which says nothing
      if (socket instanceof CallError) return upstream.unreached(endpoint, socket.code);
      socket.destroy();
      upstream.reached(endpoint);
    });
    this.#running.set(endpoint, giveUp);
  }
}
