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

class Latency {
  ms = -1;
  #at = 0;

  /** Now, or -1 as long as nothing is known. */
  fadedMs(now: number): number {
    return this.ms <= 0 ? this.ms : this.ms * Math.exp((this.#at - now) / decayMs);
  }

  observe(ms: number, now: number): void {
    const before = this.fadedMs(now);
    const kept = Math.exp((this.#at - now) / decayMs);
    this.ms = ms >= before ? ms : this.ms * kept + ms * (1 - kept);
    this.#at = now;
  }

  /** It would have taken longer than this. */
  atLeast(ms: number, now: number): void {
    if (ms >= this.fadedMs(now)) this.observe(ms, now);
  }
}

export class PeakEwma implements Balancer {
  readonly #random: Random;
  readonly #seats = new Drawable();
  #known = new Map<Seat, Latency>();
  /** In the order of the seats. */
  #latencies: Latency[] = [];
  #usualMs = -1;
  #now = 0;
  readonly #isBetter = (second: number, first: number): boolean => this.#cost(second) < this.#cost(first);

  constructor(random: Random) {
    this.#random = random;
  }

  update(seats: readonly Seat[]): void {
    this.#seats.update(seats);
    this.#latencies = seats.map((seat) => this.#known.get(seat) ?? new Latency());
    this.#known = new Map(seats.map((seat, place) => [seat, this.#latencies[place]!]));
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
    if (outcome.kind === 'outpaced') return this.#known.get(seat)?.atLeast(outcome.ms, now);
    const ms = outcome.kind === 'failure' ? Math.max(outcome.ms, failureMs) : outcome.ms;
    this.#known.get(seat)?.observe(ms, now);
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
    const ms = this.#latencies[place]!.fadedMs(this.#now);
    return ms < 0 ? Math.max(this.#usualMs, 0) : ms;
  }
}
