/**
 * Sends a call that asks for labels to those endpoints that have them: each subset has a balancer of its own, made when it is first asked
 * for. At most 32 are kept; the one that was asked for least lately goes, and is counted, since what an app asks for is its own affair.
 * So that it cannot have everybody walked with each call either, seats are found by their labels, and what nobody has costs nothing.
 */
import { sharesOf, type Ask, type Balancer, type Crowd, type Seat } from './balancer.js';
import type { Outcome } from './outcome.js';
import { defaultPanic, type PanicOptions } from './panic.js';
import { Pardoning } from './pardoning.js';
import { isIn, labelsOf, type Subset } from './subset.js';

export interface SubsetRules {
  /** Where the call asks for none. */
  readonly standard?: Subset | undefined;
  /** What becomes of a call whose subset nobody is in: any endpoint will do, or none. */
  readonly otherwise: 'any' | 'none';
  /** A subset was given up for a new one. */
  readonly dropped?: (() => void) | undefined;
  /** Below which share of well endpoints in a subset opinions about them are pardoned. Default: as for a service. */
  readonly panic?: PanicOptions | undefined;
  /** That has begun or ended in a subset; it ends too where the subset, or all of this, is given up: `why`. */
  readonly panicked?: ((subset: string, began: boolean, well: number, total: number, why?: string) => void) | undefined;
}

interface Made {
  readonly subset: Subset;
  readonly balancer: Pardoning;
}

const nobody: readonly Seat[] = [];

export const mostSubsets = 32;

export class Subsets implements Balancer {
  readonly #rules: SubsetRules;
  /** For calls that ask for none. */
  readonly #any: Balancer;
  readonly #make: () => Balancer;
  #seats: readonly Seat[] = [];
  /** Those with a label, by `name=value`; made when a call asks for labels for the first time since the list came. */
  #labelled: ReadonlyMap<string, readonly Seat[]> | undefined;
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
    this.#labelled = undefined;
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
    const balancer = this.#of(subset);
    if (balancer !== undefined) return balancer.pick(ask, now);
    return this.#rules.otherwise === 'any' ? this.#any.pick(ask, now) : undefined;
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.#any.seen?.(seat, outcome, now);
    for (const { balancer } of this.#made.values()) balancer.seen(seat, outcome, now);
  }

  shares(ask?: Ask): ReadonlyMap<Seat, number> {
    const { standard, otherwise } = this.#rules;
    const subset = ask?.subset ?? standard;
    if (subset === undefined) return sharesOf(this.#any, this.#seats);
    const balancer = this.#of(subset);
    if (balancer === undefined) return otherwise === 'any' ? sharesOf(this.#any, this.#seats) : new Map();
    return balancer.shares();
  }

  note(seat: Seat, ask?: Ask): string | undefined {
    const subset = ask?.subset ?? this.#rules.standard;
    const own = subset && this.#of(subset);
    if (subset === undefined || (own === undefined && this.#rules.otherwise === 'any')) return this.#any.note?.(seat);
    if (isIn(subset, seat.endpoint)) return own?.note(seat);
    return `not in the subset ${subset.text}${ask?.subset === undefined ? ', to which calls go that ask for none' : ''}`;
  }

  fits(ask: Ask, { endpoint }: Seat): boolean {
    const subset = ask.subset ?? this.#rules.standard;
    return subset === undefined || isIn(subset, endpoint) || (this.#rules.otherwise === 'any' && this.#of(subset) === undefined);
  }

  home(ask: Ask, seat: Seat): boolean {
    const subset = ask.subset ?? this.#rules.standard;
    const balancer = (subset && this.#of(subset)) ?? this.#any;
    return balancer.home?.(ask, seat) ?? false;
  }

  crowd(ask: Ask): Crowd | undefined {
    const subset = ask.subset ?? this.#rules.standard;
    const balancer = subset && this.#of(subset);
    return balancer && { ...balancer.standing, subset: subset.text };
  }

  end(): void {
    for (const { balancer } of this.#made.values()) balancer.giveUp('who gets calls is chosen anew');
  }

  lacks(ask: Ask): string | undefined {
    const subset = ask.subset ?? this.#rules.standard;
    if (subset === undefined || this.#rules.otherwise === 'any' || this.#of(subset) !== undefined) return undefined;
    return subset.text;
  }

  /** Undefined: nobody is in it. */
  #of(subset: Subset): Pardoning | undefined {
    let made = this.#made.get(subset.text);
    if (made === undefined) {
      if (this.#candidates(subset).length === 0) return undefined;
      made = { subset, balancer: this.#pardoning(subset) };
      this.#fill(made);
      if (this.#made.size >= mostSubsets) this.#drop();
    } else this.#made.delete(subset.text);
    this.#made.set(subset.text, made);
    return made.balancer.isEmpty ? undefined : made.balancer;
  }

  #pardoning({ text }: Subset): Pardoning {
    const { panic = defaultPanic, panicked } = this.#rules;
    return new Pardoning(this.#make(), panic, ({ on, well, total }, why) => panicked?.(text, on, well, total, why));
  }

  #fill({ subset, balancer }: Made): void {
    balancer.update(this.#candidates(subset).filter(({ endpoint }) => isIn(subset, endpoint)));
  }

  /** Those who have that of its labels which the fewest have. */
  #candidates({ labels }: Subset): readonly Seat[] {
    const labelled = (this.#labelled ??= byLabel(this.#seats));
    const each = labels.map(([name, value]) => labelled.get(`${name}=${value}`) ?? nobody);
    return each.reduce((fewest, seats) => (seats.length < fewest.length ? seats : fewest));
  }

  #drop(): void {
    const [oldest] = this.#made.values();
    this.#made.delete(oldest!.subset.text);
    oldest!.balancer.giveUp('the subset is forgotten for others');
    this.#rules.dropped?.();
  }
}

function byLabel(seats: readonly Seat[]): ReadonlyMap<string, readonly Seat[]> {
  const labelled = new Map<string, Seat[]>();
  for (const seat of seats)
    for (const [name, value] of labelsOf(seat.endpoint)) {
      const text = `${name}=${value}`;
      const others = labelled.get(text);
      if (others === undefined) labelled.set(text, [seat]);
      else others.push(seat);
    }
  return labelled;
}
