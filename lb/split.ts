/**
 * Divides the calls by a label of the endpoints, whatever there are of each: `version=canary:5` gives 5 % of the calls to those of
 * version canary, be they one or half of all, and the others the rest. Exact over time; by the key where calls have one, so that a user
 * stays on a version. A value that nobody well has leaves its share to the others.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import type { Outcome } from './outcome.js';
import { Parts, type Part } from './parts.js';
import type { Random } from './ports.js';
import { choiceByKey, SmoothChoice } from './smooth.js';
import { labelOf } from './subset.js';

export interface SplitRule {
  /** The label. */
  readonly label: string;
  /** Percent of the calls by value; the others get the rest of the hundred. */
  readonly percents: ReadonlyMap<string, number>;
}

export class Split implements Balancer {
  readonly #rule: SplitRule;
  readonly #parts: Parts;
  readonly #choice: SmoothChoice;
  readonly #percents: readonly number[];
  /** What each part gets now, 0 to 1; undefined: to be reckoned anew. */
  #weights: readonly number[] | undefined;

  constructor(rule: SplitRule, make: () => Balancer, random: Random) {
    const values = [...rule.percents.keys()];
    const percents = [...rule.percents.values()];
    const rest = values.length;
    this.#rule = rule;
    this.#percents = [...percents, Math.max(0, 100 - percents.reduce((sum, one) => sum + one, 0))];
    this.#choice = new SmoothChoice(rest + 1, random);
    this.#parts = new Parts(rest + 1, make, ({ endpoint }) => {
      const place = values.indexOf(labelOf(endpoint, rule.label) ?? '');
      return place < 0 ? rest : place;
    });
  }

  update(seats: readonly Seat[]): void {
    this.#parts.update(seats);
    this.#weights = undefined;
  }

  changed(seat: Seat): void {
    this.#parts.changed(seat);
    this.#weights = undefined;
  }

  pick(ask: Ask, now: number): Seat | undefined {
    return this.#parts.pick(this.#choice.next(this.#weightsNow(), ask.key), ask, now);
  }

  seen(seat: Seat, outcome: Outcome, now: number): void {
    this.#parts.seen(seat, outcome, now);
  }

  home(ask: Ask, seat: Seat): boolean {
    if (ask.key === undefined) return false;
    const whole = this.#reckon(({ seats }) => seats.length > 0); // it may be the last one of its part
    return this.#parts.home(choiceByKey(whole, ask.key), ask, seat);
  }

  shares(): ReadonlyMap<Seat, number> {
    return this.#parts.shares(this.#weightsNow());
  }

  note(seat: Seat): string | undefined {
    const part = this.#parts.of(seat);
    if (part === undefined) return undefined;
    const place = this.#parts.all.indexOf(part);
    const { label, percents } = this.#rule;
    const value = [...percents.keys()][place];
    const own = part.balancer.note?.(seat);
    const said = `split: ${value === undefined ? 'the others' : `${label}=${value}`} get ${round(this.#weightsNow()[place]! * 100)} % of the calls`;
    return own === undefined ? said : `${said}; ${own}`;
  }

  #weightsNow(): readonly number[] {
    return (this.#weights ??= this.#reckon(({ weight }) => weight > 0));
  }

  #reckon(counts: (part: Part) => boolean): number[] {
    const { all } = this.#parts;
    const weights = this.#percents.map((percent, place) => (counts(all[place]!) ? percent : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    // nobody that is well has a share: then whoever there is
    return total > 0 ? weights.map((weight) => weight / total) : all.map((part) => (counts(part) ? 1 : 0));
  }
}

const round = (percent: number): number => Math.round(percent * 10) / 10;
