/**
 * Sends a call that asks for labels to those endpoints that have them: each subset has a balancer of its own, made when it is first asked
 * for. At most 32 are kept; the one that was asked for least lately goes, and is counted, since what an app asks for is its own affair.
 */
import { sharesOf, type Ask, type Balancer, type Seat } from './balancer.js';
import type { Outcome } from './outcome.js';
import { isIn, type Subset } from './subset.js';

export interface SubsetRules {
  /** Where the call asks for none. */
  readonly standard?: Subset | undefined;
  /** What becomes of a call whose subset nobody is in: any endpoint will do, or none. */
  readonly otherwise: 'any' | 'none';
  /** A subset was given up for a new one. */
  readonly dropped?: (() => void) | undefined;
}

interface Made {
  readonly subset: Subset;
  readonly balancer: Balancer;
  /** Nobody has its labels. */
  isEmpty: boolean;
}

export const mostSubsets = 32;

export class Subsets implements Balancer {
  readonly #rules: SubsetRules;
  /** For calls that ask for none. */
  readonly #any: Balancer;
  readonly #make: () => Balancer;
  #seats: readonly Seat[] = [];
  /** By their text; the one that was asked for last stands at the end. */
  readonly #made = new Map<string, Made>();

  /** `any`: for calls without a subset. `make`: a balancer for a subset. */
  constructor(rules: SubsetRules, any: Balancer, make: () => Balancer) {
    this.#rules = rules;
    this.#any = any;
    this.#make = make;
  }

  get evenly(): boolean {
    return this.#any.evenly ?? false;
  }

  update(seats: readonly Seat[]): void {
    this.#seats = seats;
    this.#any.update(seats);
    for (const made of this.#made.values()) this.#fill(made);
  }

  changed(seat: Seat): void {
    this.#any.changed(seat);
    for (const { balancer } of this.#made.values()) balancer.changed(seat);
  }

  pick(ask: Ask, now: number): Seat | undefined {
    const subset = ask.subset ?? this.#rules.standard;
    if (subset === undefined) return this.#any.pick(ask, now);
    const { isEmpty, balancer } = this.#of(subset);
    if (!isEmpty) return balancer.pick(ask, now);
    return this.#rules.otherwise === 'any' ? this.#any.pick(ask, now) : undefined;
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.#any.seen?.(seat, outcome, now);
    for (const { balancer } of this.#made.values()) balancer.seen?.(seat, outcome, now);
  }

  /** Of calls that ask for no subset. */
  shares(): ReadonlyMap<Seat, number> {
    const { standard, otherwise } = this.#rules;
    if (standard === undefined) return sharesOf(this.#any, this.#seats);
    const { isEmpty, balancer } = this.#of(standard);
    if (isEmpty) return otherwise === 'any' ? sharesOf(this.#any, this.#seats) : new Map();
    return sharesOf(
      balancer,
      this.#seats.filter(({ endpoint }) => isIn(standard, endpoint)),
    );
  }

  note(seat: Seat): string | undefined {
    const { standard } = this.#rules;
    const balancer = standard === undefined ? this.#any : this.#of(standard).balancer;
    if (standard === undefined || isIn(standard, seat.endpoint)) return balancer.note?.(seat);
    return this.#of(standard).isEmpty ? undefined : `not in the subset ${standard.text}, to which calls go that ask for none`;
  }

  fits(ask: Ask, { endpoint }: Seat): boolean {
    const subset = ask.subset ?? this.#rules.standard;
    return subset === undefined || isIn(subset, endpoint) || (this.#rules.otherwise === 'any' && this.#of(subset).isEmpty);
  }

  lacks(ask: Ask): string | undefined {
    const subset = ask.subset ?? this.#rules.standard;
    if (subset === undefined || this.#rules.otherwise === 'any' || !this.#of(subset).isEmpty) return undefined;
    return subset.text;
  }

  #of(subset: Subset): Made {
    let made = this.#made.get(subset.text);
    if (made === undefined) {
      made = { subset, balancer: this.#make(), isEmpty: true };
      this.#fill(made);
      if (this.#made.size >= mostSubsets) this.#drop();
    } else this.#made.delete(subset.text);
    this.#made.set(subset.text, made);
    return made;
  }

  #fill(made: Made): void {
    const seats = this.#seats.filter(({ endpoint }) => isIn(made.subset, endpoint));
    made.isEmpty = seats.length === 0;
    made.balancer.update(seats);
  }

  #drop(): void {
    const [oldest] = this.#made.keys();
    this.#made.delete(oldest!);
    this.#rules.dropped?.();
  }
}
