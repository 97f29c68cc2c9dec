/**
 * A runner: every half second it connects to endpoints that could not be reached, and tells their upstream which ones can be now, so
 * that a circuit need not wait out its time, and no call has to find out. It judges nothing: the trial is a real call.
 *
 * Bounded: so many connects at one time, each so long. With more endpoints than that, each sweep goes on where the last one stopped.
 */
import { connect } from 'node:net';
import type { Endpoint } from './endpoint.js';
import type { Clock } from './ports.js';

/** What it needs of an upstream. */
export interface Swept {
  unreachable(): readonly Endpoint[];
  reached(endpoint: Endpoint): void;
}

export interface SweeperParts {
  readonly clock: Clock;
  readonly upstreams: () => Iterable<Swept>;
  readonly everyMs?: number;
  readonly timeoutMs?: number;
  readonly concurrency?: number;
}

export class Sweeper {
  readonly #clock: Clock;
  readonly #upstreams: () => Iterable<Swept>;
  readonly #everyMs: number;
  readonly #timeoutMs: number;
  readonly #concurrency: number;
  /** The connects that are under way, and how each is ended. */
  readonly #running = new Map<Endpoint, () => void>();
  /** How many were tried so far: where the next sweep begins. */
  #tried = 0;
  #stop: (() => void) | undefined;

  constructor({ clock, upstreams, everyMs = 500, timeoutMs = 1_000, concurrency = 16 }: SweeperParts) {
    this.#clock = clock;
    this.#upstreams = upstreams;
    this.#everyMs = everyMs;
    this.#timeoutMs = timeoutMs;
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
    const socket = connect({ host: endpoint.host, port: endpoint.port });
    const end = (): void => {
      forget();
      socket.destroy();
      this.#running.delete(endpoint);
    };
    const forget = this.#clock.after(this.#timeoutMs, end);
    this.#running.set(endpoint, end);
    socket.on('error', end);
    socket.once('connect', () => {
      end();
      upstream.reached(endpoint);
    });
  }
}
