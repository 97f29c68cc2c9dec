/**
 * A runner: checks endpoints of those upstreams that ask for it, each when it is due, and tells how it went. What follows from that is decided
 * by checks.ts; that an endpoint could be reached, or not, is told as well, for the circuits know what to make of it.
 *
 * Bounded: so many at one time, each so long. It looks ten times a second, and only once there is an upstream to check. Each look begins
 * behind the upstream that was served last, so that one whose checks hang takes nobody's turn.
 */
import { check } from './check.js';
import type { Check, CheckOptions } from './checks.js';
import { longestAsideMs } from './dial.js';
import type { Endpoint } from './endpoint.js';
import { CallError, type FailureCode } from './errors.js';
import type { Clock } from './ports.js';

/** What it needs of an upstream. */
export interface CheckedUpstream {
  readonly name: string;
  readonly checks: Checking | undefined;
  reached(endpoint: Endpoint): void;
  unreached(endpoint: Endpoint, code: FailureCode): void;
}

export interface Checking {
  readonly options: CheckOptions;
  take(now: number, most: number): Check[];
  ended(check: Check, why: string | undefined, now: number, began: number): void;
  skipped(check: Check, now: number): void;
}

export interface CheckerParts {
  readonly clock: Clock;
  readonly upstreams: () => Iterable<CheckedUpstream>;
  readonly concurrency?: number;
}

const everyMs = 100;

export class Checker {
  readonly #clock: Clock;
  readonly #upstreams: CheckerParts['upstreams'];
  readonly #concurrency: number;
  readonly #running = new Set<() => void>();
  #served: CheckedUpstream | undefined;
  #stop: (() => void) | undefined;
  #stopped = false;

  constructor({ clock, upstreams, concurrency = 16 }: CheckerParts) {
    this.#clock = clock;
    this.#upstreams = upstreams;
    this.#concurrency = concurrency;
  }

  /** There is an upstream to check. A second start changes nothing, nor does one after the stop. */
  start(): void {
    if (!this.#stopped) this.#stop ??= this.#clock.every(everyMs, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#stop?.();
    for (const giveUp of this.#running) giveUp();
    this.#running.clear();
  }

  #look(): void {
    const now = this.#clock.now();
    const upstreams = [...this.#upstreams()];
    const begin = upstreams.findIndex((upstream) => upstream === this.#served) + 1;
    for (const upstream of [...upstreams.slice(begin), ...upstreams.slice(0, begin)])
      for (const due of upstream.checks?.take(now, this.#concurrency - this.#running.size) ?? []) {
        this.#served = upstream;
        this.#check(upstream, due);
      }
  }

  #check(upstream: CheckedUpstream, due: Check): void {
    const { checks, name } = upstream;
    const { path, timeoutMs } = checks!.options;
    const { endpoint } = due;
    const began = this.#clock.now();
    const terms = { clock: this.#clock, timeoutMs: Math.min(timeoutMs ?? longestAsideMs, longestAsideMs), service: name, path };
    const giveUp = check(endpoint, terms, (failed) => {
      this.#running.delete(giveUp);
      const now = this.#clock.now();
      if (!(failed instanceof CallError)) {
        upstream.reached(endpoint);
        return checks!.ended(due, failed, now, began);
      }
      if (failed.code === 'local') return checks!.skipped(due, now);
      upstream.unreached(endpoint, failed.code);
      checks!.ended(due, failed.message, now, began);
    });
    this.#running.add(giveUp);
  }
}
