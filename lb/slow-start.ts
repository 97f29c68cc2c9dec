/**
 * A new endpoint has cold caches and cold code, so it does not get its whole share at once: its weight counts for a part that grows with
 * the time since it registered, from a tenth to all within 30 s (Envoy's slow start with aggression 1; Dubbo's warm-up, where the
 * instance says how long).
 *
 *     part = max(from, age / duration)       in steps of a tenth, so that a balancer hears of each ten times
 *
 * Weights count against each other only: when all are new, all have their usual shares. Who registered is known by their clock, and ours may
 * differ: one from the future is as old as our knowledge of it. One that says nothing counts from its joining, but not when it stood in
 * the first list. An endpoint that comes back after an ejection starts again.
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

/** What is known of one that joins. */
export interface Joined {
  /** Monotonic, and the wall's: milliseconds. */
  readonly now: number;
  readonly wall: number;
  /** It stands in the first list that we see. */
  readonly first: boolean;
}

interface Start extends Placed {
  readonly seat: Seat;
  readonly beganAt: number;
  readonly durationMs: number;
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

  joined(seat: Seat, { now, wall, first }: Joined): void {
    const { since } = seat.endpoint;
    if (since === undefined && first) return;
    this.#start(seat, now - Math.max(0, wall - (since ?? wall)), now);
  }

  /** It comes back from an ejection. */
  readmitted(seat: Seat, now: number): void {
    this.#start(seat, now, now);
    this.weigh(seat);
    this.#changed(seat);
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

  #start(seat: Seat, beganAt: number, now: number): void {
    this.left(seat);
    const durationMs = seat.endpoint.warmupMs ?? this.#options.durationMs;
    if (durationMs === undefined || now - beganAt >= durationMs) return;
    const start: Start = { seat, beganAt, durationMs, part: 0, dueAt: 0, place: -1 };
    this.#starts.set(seat, start);
    this.#due.add(start);
    this.#grow(start, now);
  }

  #grow(start: Start, now: number): void {
    const { beganAt, durationMs, seat } = start;
    const step = Math.floor(((now - beganAt) / durationMs) * steps);
    if (step >= steps) return this.left(seat);
    start.part = Math.max(this.#options.from, step / steps);
    start.dueAt = beganAt + ((Math.max(step, Math.floor(this.#options.from * steps)) + 1) / steps) * durationMs;
    this.#due.moved(start);
  }
}
