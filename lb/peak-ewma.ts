/**
 * Of two seats drawn by weight, the one that is expected to answer first: the recent latency times the calls that would stand in line.
 * Finagle's Peak EWMA (com.twitter.finagle.loadbalancer.PeakEwma):
 *
 *     cost = latency * (calls in flight + 1)
 *
 * where latency is an average that forgets by e in `decayMs`, follows a slower answer at once (the peak) and a faster one slowly, and
 * fades while nobody asks, so that one that was slow is asked again. Calls in flight count for the weight that carries them.
 *
 * Finagle takes a newcomer for infinitely fast until it is asked, and for infinitely slow until it has answered. A fleet of callers would
 * greet it as one, so here it is as fast as the usual answer of its peers until it has given its own. A failure is no fast answer,
 * however fast it came.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import { Drawable } from './drawable.js';
import type { Outcome } from './outcome.js';
import type { Random } from './ports.js';
import { loadAt, ofTwo, sharesOfTwo } from './two-choices.js';

/** Finagle's. */
const decayMs = 10_000;
/** What a failure takes at least. */
const failureMs = 1_000;
/** How much one answer moves what is usual. */
const usualShare = 1 / 64;

/** What is known of each place, in a row: of 5,000 endpoints two are compared, and both are cold. */
class Latencies {
  /** Milliseconds, -1 as long as nothing is known, and when they were; one place after the other. */
  readonly #values: Float64Array;

  constructor(count: number) {
    this.#values = new Float64Array(2 * count).fill(-1);
  }

  keep(place: number, before: Latencies, was: number): void {
    this.#values[2 * place] = before.#values[2 * was]!;
    this.#values[2 * place + 1] = before.#values[2 * was + 1]!;
  }

  /** Now, or -1 as long as nothing is known. */
  fadedMs(place: number, now: number): number {
    const ms = this.#values[2 * place]!;
    return ms <= 0 ? ms : ms * Math.exp((this.#values[2 * place + 1]! - now) / decayMs);
  }

  observe(place: number, ms: number, now: number): void {
    const before = this.#values[2 * place]!;
    const kept = Math.exp((this.#values[2 * place + 1]! - now) / decayMs);
    this.#values[2 * place] = before < 0 || ms >= before * kept ? ms : before * kept + ms * (1 - kept);
    this.#values[2 * place + 1] = now;
  }
}

export class PeakEwma implements Balancer {
  readonly #random: Random;
  readonly #seats = new Drawable();
  /** In the order of the seats. */
  #latencies = new Latencies(0);
  #usualMs = -1;
  #now = 0;
  readonly #isBetter = (second: number, first: number): boolean => this.#cost(second) < this.#cost(first);

  constructor(random: Random) {
    this.#random = random;
  }

  update(seats: readonly Seat[]): void {
    const latencies = new Latencies(seats.length);
    seats.forEach((seat, place) => {
      const was = this.#seats.placeOf(seat);
      if (was >= 0) latencies.keep(place, this.#latencies, was);
    });
    this.#latencies = latencies;
    this.#seats.update(seats);
  }

  changed(seat: Seat): void {
    this.#seats.changed(seat);
  }

  pick({ tried }: Ask, now: number): Seat | undefined {
    this.#now = now;
    return this.#seats.seats[ofTwo(this.#seats, tried, this.#random, this.#isBetter)];
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    if (outcome.kind === 'ignored') return;
    const place = this.#seats.placeOf(seat);
    if (outcome.kind === 'outpaced') {
      // it would have taken longer than this
      if (place >= 0 && outcome.ms >= this.#latencies.fadedMs(place, now)) this.#latencies.observe(place, outcome.ms, now);
      return;
    }
    const ms = outcome.kind === 'failure' ? Math.max(outcome.ms, failureMs) : outcome.ms;
    if (place >= 0) this.#latencies.observe(place, ms, now);
    this.#usualMs = this.#usualMs < 0 ? ms : this.#usualMs + (ms - this.#usualMs) * usualShare;
  }

  shares(): ReadonlyMap<Seat, number> {
    return sharesOfTwo(this.#seats, (place) => this.#cost(place));
  }

  note(seat: Seat): string | undefined {
    const place = this.#seats.placeOf(seat);
    return place < 0 ? undefined : `expected to answer in ${Math.round(this.#expectedMs(place))} ms when idle`;
  }

  #cost(place: number): number {
    return this.#expectedMs(place) * (loadAt(this.#seats, place) + 1);
  }

  #expectedMs(place: number): number {
    const ms = this.#latencies.fadedMs(place, this.#now);
    return ms < 0 ? Math.max(this.#usualMs, 0) : ms;
  }
}
