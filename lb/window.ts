/**
 * A count over the last `spanMs`, kept in slots that age by themselves: an hour of silence empties it, however few calls come
 * after. Exact to one slot: what was counted leaves between `spanMs - slotMs` and `spanMs` later. Told the time, owns no timer.
 */
export class Window {
  readonly #slotMs: number;
  readonly #slots: number[];
  #turn = 0;
  #total = 0;

  constructor(spanMs: number, slots = 10) {
    this.#slotMs = spanMs / slots;
    this.#slots = new Array<number>(slots).fill(0);
  }

  add(now: number, count = 1): void {
    this.#age(now);
    this.#slots[this.#turn % this.#slots.length]! += count;
    this.#total += count;
  }

  total(now: number): number {
    this.#age(now);
    return this.#total;
  }

  /** Empties the slots that the time has passed over. At most one round, and nothing at all within one slot. */
  #age(now: number): void {
    const turn = Math.floor(now / this.#slotMs);
    if (turn <= this.#turn) return;
    const passed = Math.min(turn - this.#turn, this.#slots.length);
    for (let back = 0; back < passed; back++) {
      const index = (turn - back) % this.#slots.length;
      this.#total -= this.#slots[index]!;
      this.#slots[index] = 0;
    }
    this.#turn = turn;
  }
}
