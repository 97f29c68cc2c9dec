/**
 * A runner: every half second it connects to endpoints that could not be reached, and tells their upstream which ones can be now, so
 * that a circuit need not wait out its time, and no call has to find out. It judges nothing: the trial is a real call.
 *
 * Bounded: so many connects at one time, each so long. With more endpoints than that, each sweep goes on where the last one stopped.
 */
import { dial } from './dial.js';
import type { Endpoint } from './endpoint.js';
import { CallError } from './errors.js';
import type { Clock } from './ports.js';

/** What it needs of an upstream. */
export interface Swept {
  readonly name: string;
  unreachable(): readonly Endpoint[];
  reached(endpoint: Endpoint): void;
}

export interface SweeperParts {
  readonly clock: Clock;
  readonly upstreams: () => Iterable<Swept>;
  /** Of the upstream with this name; a place is held for ten seconds at most. */
  readonly connectTimeoutMs: (upstream: string) => number | undefined;
  readonly everyMs?: number;
  readonly concurrency?: number;
}

export class Sweeper {
  readonly #clock: Clock;
  readonly #upstreams: () => Iterable<Swept>;
  readonly #connectTimeoutMs: SweeperParts['connectTimeoutMs'];
  readonly #everyMs: number;
  readonly #concurrency: number;
  /** The connects that are under way, and how each is ended. */
  readonly #running = new Map<Endpoint, () => void>();
  /** How many were tried so far: where the next sweep begins. */
  #tried = 0;
  #stop: (() => void) | undefined;

  constructor({ clock, upstreams, connectTimeoutMs, everyMs = 500, concurrency = 16 }: SweeperParts) {
    this.#clock = clock;
    this.#upstreams = upstreams;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#everyMs = everyMs;
    this.#concurrency = concurrency;
  }

  /** A second start changes nothing. */
  start(): void {
    this.#stop ??= this.#clock.every(this.#everyMs, () => this.#sweep());
  }

  /** Ends the sweeping and every connect that is under way. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    for (const end of this.#running.values()) end();
  }

  #sweep(): void {
    const waiting = [...this.#upstreams()].flatMap((upstream) =>
      upstream.unreachable().flatMap((endpoint) => (this.#running.has(endpoint) ? [] : [{ upstream, endpoint }])),
    );
    const start = this.#tried % Math.max(1, waiting.length);
    const inTurn = [...waiting.slice(start), ...waiting.slice(0, start)].slice(0, this.#concurrency - this.#running.size);
    this.#tried += inTurn.length;
    for (const { upstream, endpoint } of inTurn) this.#connect(upstream, endpoint);
  }

  #connect(upstream: Swept, endpoint: Endpoint): void {
    const connectTimeoutMs = Math.min(this.#connectTimeoutMs(upstream.name) ?? longestMs, longestMs);
    const giveUp = dial(endpoint, { clock: this.#clock, connectTimeoutMs }, (socket) => {
      this.#running.delete(endpoint);
      if (socket instanceof CallError) return;
      socket.destroy();
      upstream.reached(endpoint);
    });
    this.#running.set(endpoint, giveUp);
  }
}

/** Where a connect may take as long as it likes, one that hangs must not keep the others from their turn. */
const longestMs = 10_000;
