/**
 * A new endpoint has cold caches and cold code, so it does not get its whole share at once: its weight counts for a part that grows with
 * the time since it registered, from a tenth to all within 30 s (Envoy's slow start with aggression 1; Dubbo's warm-up, where the
 * instance says how long).
 *
 *     part = max(from, age / duration)       in steps of a tenth, so that a balancer hears of each ten times
 *
 * It is for those who come to others that are warm. Who registered within that time of the eldest that is listed is as old as the
 * service: a fresh deployment shares its calls as its weights say, from the first call on.
 *
 * Who registered when is known by their clocks, and ours may differ: one from the future is as old as our knowledge of it. One that says
 * nothing counts from its joining, or as old when it stands in the first list. One that comes back after an ejection starts again.
 *
 * Decides by being told the time; has no timer: whoever is due stands first in a heap, so that a call looks at one.
 */
import type { Seat } from './balancer.js';
import { Heap, type Placed } from './heap.js';

export interface SlowStartOptions {
  /** Undefined: everybody counts whole at once, unless it says itself how long it takes. */
  readonly durationMs: number | undefined;
  /** The part that it begins with, 0 to 1. */
  readonly from: number;
}

export const defaultSlowStart: SlowStartOptions = { durationMs: 30_000, from: 0.1 };

/** When a list came. */
export interface Moment {
  /** Monotonic, and the wall's: milliseconds. */
  readonly now: number;
  readonly wall: number;
  /** It is the first that we see. */
  readonly first: boolean;
}

interface Start extends Placed {
  readonly seat: Seat;
  readonly beganAt: number;
  durationMs: number;
  part: number;
  /** When its part grows next. */
  dueAt: number;
}

/** A heavier endpoint counts as this: sums of weights stay exact whatever a znode says. */
const heaviest = 1_000_000;
const steps = 10;
/** Of one call. Who is left has its turn with the next. */
const mostAtOnce = 64;

export class SlowStart {
  readonly #options: SlowStartOptions;
  readonly #changed: (seat: Seat) => void;
  readonly #starts = new Map<Seat, Start>();
  readonly #due = new Heap<Start>((a, b) => a.dueAt < b.dueAt);

  /** `changed`: the weight of a seat has moved by itself. */
  constructor(options: SlowStartOptions, changed: (seat: Seat) => void) {
    this.#options = options;
    this.#changed = changed;
  }

  /**
   * The whole list, and those of it who were not in the one before; `changed`: who in it may weigh otherwise than before, them included. Writes
   * down what those count now.
   */
  update(seats: readonly Seat[], joined: readonly Seat[], moment: Moment, changed: readonly Seat[] = seats): void {
    const { now, wall, first } = moment;
    const isNew = new Set(first ? [] : joined);
    const born = (seat: Seat): number => Math.min(seat.endpoint.since ?? (isNew.has(seat) ? wall : -Infinity), wall);
    const togetherMs = (seat: Seat): number => Math.min(this.#durationOf(seat), this.#options.durationMs ?? Infinity);
    // the first found who is old enough for each of them will do for the eldest: mostly the first of all
    const enough = joined.reduce((least, seat) => Math.min(least, born(seat) - togetherMs(seat)), Infinity);
    let eldest = Infinity;
    if (joined.length > 0)
      for (const seat of seats) {
        if (eldest <= enough) break;
        if (seat.endpoint.weight > 0) eldest = Math.min(eldest, born(seat));
      }
    for (const seat of joined) if (born(seat) - eldest >= togetherMs(seat)) this.#start(seat, now - (wall - born(seat)), now);
    for (const seat of changed) this.weigh(seat);
  }

  /** It comes back from an ejection. */
  readmitted(seat: Seat, now: number): void {
    this.#start(seat, now, now);
    this.weigh(seat);
    this.#changed(seat);
  }

  /** The options that were handed in have been changed: who has begun goes on by them. */
  retimed(now: number): void {
    for (const start of [...this.#starts.values()]) {
      start.durationMs = this.#durationOf(start.seat);
      this.#grow(start, now);
      this.weigh(start.seat);
      this.#changed(start.seat);
    }
  }

  left(seat: Seat): void {
    const start = this.#starts.get(seat);
    if (start === undefined) return;
    this.#due.remove(start);
    this.#starts.delete(seat);
  }

  /** Writes down what it counts now. */
  weigh(seat: Seat): void {
    const { weight } = seat.endpoint;
    seat.weight = weight > 0 ? Math.min(weight, heaviest) * (this.#starts.get(seat)?.part ?? 1) : 0;
  }

  /** How long until it counts whole; undefined for one that does. */
  leftMs(seat: Seat, now: number): number | undefined {
    const start = this.#starts.get(seat);
    return start && Math.max(0, start.beganAt + start.durationMs - now);
  }

  /** Lets those grow whose time has come, and tells of each. `most`: the others have their turn with the next call. */
  wake(now: number, most = mostAtOnce): void {
    for (let count = 0; count < most; count++) {
      const start = this.#due.first;
      if (start === undefined || start.dueAt > now) return;
      this.#grow(start, now);
      this.weigh(start.seat);
      this.#changed(start.seat);
    }
  }

  #durationOf({ endpoint }: Seat): number {
    return endpoint.warmupMs ?? this.#options.durationMs ?? 0;
  }

  #start(seat: Seat, beganAt: number, now: number): void {
    this.left(seat);
    const durationMs = this.#durationOf(seat);
    if (now - beganAt >= durationMs) return; // which is so for 0: off
    const start: Start = { seat, beganAt, durationMs, part: 0, dueAt: 0, place: -1 };
    this.#starts.set(seat, start);
    this.#due.add(start);
    this.#grow(start, now);
  }

  #grow(start: Start, now: number): void {
    const { beganAt, durationMs, seat } = start;
    const step = durationMs > 0 ? Math.floor(((now - beganAt) / durationMs) * steps) : steps;
    if (step >= steps) return this.left(seat);
    start.part = Math.max(this.#options.from, step / steps);
    const dueAt = beganAt + ((Math.max(step, Math.floor(this.#options.from * steps)) + 1) / steps) * durationMs;
    start.dueAt = Math.max(dueAt, now + 1); // by rounding, a step can be due when it is not reached yet
    this.#due.moved(start);
  }
}
