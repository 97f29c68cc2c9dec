/**
 * The legs of a call: one, and while it hedges a second one beside it. The first answer ends the other leg; where that
 * was asked first, its endpoint has been outpaced (outcome.ts). A leg that fails leaves the call to the other.
 */
import type { Lease } from '../lease.js';
import type { CallSettings } from '../settings.js';
import type { Upstream } from '../upstream.js';
import type { Attempt } from './attempt.js';
import type { Leg } from './leg.js';

export class Legs {
  readonly #make: () => Leg;
  /** The one that was sent last. */
  #leg: Leg;
  /** It runs beside that. */
  #rival: Leg | undefined;
  /** Made for the first call that hedges. */
  #spare: Leg | undefined;

  constructor(make: () => Leg) {
    this.#make = make;
    this.#leg = make();
  }

  get attempt(): Attempt {
    return this.#leg.attempt;
  }

  begin(upstream: Upstream, lease: Lease, settings: CallSettings, now: number): void {
    if (this.#leg.endpoint !== undefined) this.#leg.end(); // its answer was kept back
    this.#leg.begin(upstream, lease, settings, now);
  }

  /** Sends beside the one that runs. */
  race(upstream: Upstream, lease: Lease, settings: CallSettings, now: number): void {
    const second = this.#spare ?? this.#make();
    this.#spare = undefined;
    this.#rival = this.#leg;
    this.#leg = second;
    second.begin(upstream, lease, settings, now);
  }

  /** This leg goes on alone. True: it was sent last, and there was another. `outpacedAt`: which it has outpaced, by a good answer. */
  only(leg: Leg, outpacedAt?: number): boolean {
    const rival = this.#rival;
    if (rival === undefined) return false;
    const won = leg === this.#leg;
    const other = won ? rival : this.#leg;
    this.#leg = leg;
    this.#rival = undefined;
    this.#spare = other;
    if (won && outpacedAt !== undefined) other.outpaced(outpacedAt);
    other.end();
    return won;
  }

  /** This leg has failed. True: the other one goes on. */
  without(leg: Leg): boolean {
    leg.end();
    if (this.#rival === undefined) return false;
    this.only(leg === this.#leg ? this.#rival : this.#leg);
    return true;
  }

  /** There is no time left for any: the last one fails. `requestTimeoutMs`: that was the user's; undefined: it was the app's. */
  outOfTime(requestTimeoutMs: number | undefined, why: Parameters<Leg['failed']>[0], now: number): void {
    this.#rival?.outOfTime(requestTimeoutMs, now);
    this.#leg.outOfTime(requestTimeoutMs, now);
    this.only(this.#leg);
    this.#leg.failed(why);
  }

  end(): void {
    this.#leg.end();
    if (this.#rival !== undefined) this.only(this.#leg);
  }

  get dueAt(): number {
    const { dueAt } = this.#leg.attempt;
    return this.#rival === undefined ? dueAt : Math.min(dueAt, this.#rival.attempt.dueAt);
  }

  overdue(now: number): void {
    const { attempt } = this.#leg;
    (now >= attempt.dueAt ? attempt : this.#rival!.attempt).overdue();
  }
}
