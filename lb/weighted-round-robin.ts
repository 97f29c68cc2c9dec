/**
 * Smooth weighted round robin, in nginx's order: at each turn every eligible seat earns its weight, the richest is picked and pays
 * what all have earned. Weights 5/1/1 come out as a a b a c a a, not a a a a a b c. Ties go to the smaller id.
 *
 * nginx walks the whole list for that. Here nobody is walked: seats of one weight always earn the same, so among them the order
 * changes only when one pays. They form a group, in order of what each would have without its earnings (`base`), and
 *
 *     credit = base + weight * turns
 *
 * A pick compares the firsts of the groups, and the one that paid goes to the back of its own: O(distinct weights), and O(log seats) more
 * for a round after somebody has come or gone. With more than 64 distinct weights only their two leading digits count, so that the groups
 * stay few. Credit belongs to the seat: one that goes keeps it, and a neighbour's coming or going shifts nobody's share.
 */
import type { Ask, Balancer, Seat } from './balancer.js';
import type { Random } from './ports.js';
import { Turns, type Waiting } from './turns.js';

interface Account extends Waiting<Account> {
  /** Of its endpoint. */
  readonly id: string;
  readonly seat: Seat;
  /** In a group: credit less its earnings. Out of one: credit. */
  base: number;
  group: Group | undefined;
  /** The last one that it stood in. */
  list: number;
}

interface Group {
  readonly weight: number;
  readonly accounts: Turns<Account>;
}

const richer = (a: Account, b: Account): boolean => a.base > b.base || (a.base === b.base && a.id < b.id);

/** Turns after which earnings are written into the accounts, so that no number grows without end. */
const turnsPerSettlement = 2 ** 20;
const longestHeadStart = 2 ** 14;
const mostExactWeights = 64;

export class WeightedRoundRobin implements Balancer {
  readonly evenly: boolean;
  readonly #random: Random;
  readonly #accounts = new Map<string, Account>();
  /** As the last list had them. */
  #inOrder: readonly Account[] = [];
  #lists = 0;
  #groups: Group[] = [];
  #turns = 0;
  #roughly = false;
  /** What all earn in one turn, and what they earned when the accounts were settled. */
  #total = 0;
  #settledTotal = 0;

  /** `evenly`: every seat of any weight counts as 1, which is plain round robin. */
  constructor(random: Random, { evenly = false }: { readonly evenly?: boolean } = {}) {
    this.#random = random;
    this.evenly = evenly;
  }

  update(seats: readonly Seat[]): void {
    const list = ++this.#lists;
    const accounts = this.#known(seats);
    let stay = 0;
    for (const account of accounts) {
      if (account === undefined) continue;
      account.list = list;
      stay++;
    }
    if (stay < this.#accounts.size)
      for (const [id, account] of this.#accounts)
        if (account.list !== list) {
          this.#leave(account);
          this.#accounts.delete(id);
        }
    const first = this.#accounts.size === 0;
    this.#roughly = !this.evenly && new Set(seats.map(({ weight }) => weight)).size > mostExactWeights;
    this.#inOrder = seats.map((seat, index) => {
      const account = accounts[index] ?? this.#accounts.get(seat.endpoint.id) ?? this.#open(seat, first);
      this.#regroup(account, seat);
      return account;
    });
    if (this.#hasShrunk()) this.#settle();
    if (first) this.#headStart();
  }

  /** Those who have an account. Most follow whom they followed before, and are found without a look into the map. */
  #known(seats: readonly Seat[]): readonly (Account | undefined)[] {
    const before = this.#inOrder;
    let at = 0;
    return seats.map((seat) => {
      if (before[at]?.seat !== seat && before[at + 1]?.seat === seat) at++;
      if (before[at]?.seat === seat) return before[at++];
      const known = this.#accounts.get(seat.endpoint.id);
      return known?.seat === seat ? known : undefined;
    });
  }

  changed(seat: Seat): void {
    this.#regroup(this.#accounts.get(seat.endpoint.id), seat);
    if (this.#hasShrunk()) this.#settle();
  }

  pick(ask: Ask): Seat | undefined {
    const aside = ask.tried.length === 0 ? undefined : this.#setAside(ask.tried);
    const richest = this.#richest();
    if (richest !== undefined) {
      richest.base -= this.#total;
      richest.group!.accounts.moved(richest);
      if (this.#turns >= turnsPerSettlement) this.#settle();
    }
    for (const { account, weight } of aside ?? []) this.#join(account, weight);
    return richest?.seat;
  }

  /** A turn passes: everybody in a group earns, by nothing more than a count. */
  #richest(): Account | undefined {
    const turns = ++this.#turns;
    let best: Account | undefined;
    let most = 0;
    for (const { weight, accounts } of this.#groups) {
      const candidate = accounts.first!;
      const credit = candidate.base + weight * turns;
      if (best !== undefined && (credit < most || (credit === most && best.id < candidate.id))) continue;
      best = candidate;
      most = credit;
    }
    return best;
  }

  /** Seats that this call has been to sit out one turn: they neither earn nor pay, and the others keep their order. */
  #setAside(tried: readonly string[]): { account: Account; weight: number }[] {
    const aside: { account: Account; weight: number }[] = [];
    for (const id of tried) {
      const account = this.#accounts.get(id);
      if (account?.group === undefined) continue;
      aside.push({ account, weight: account.group.weight });
      this.#leave(account);
    }
    return aside;
  }

  /**
   * Nobody in the first list has a history. One who joins later starts somewhere in its first turn, so that a fleet of callers told of
   * it in the same moment does not greet it as one.
   */
  #open(seat: Seat, first: boolean): Account {
    const base = first ? 0 : -this.#random() * this.#weightOf(seat);
    const { id } = seat.endpoint;
    const account = { base, id, place: -1, ahead: undefined, behind: undefined, group: undefined, seat, list: this.#lists };
    this.#accounts.set(id, account);
    return account;
  }

  /** A fleet that starts as one must not begin with the same endpoint. Turns played, not credits drawn: the shares stay exact. */
  #headStart(): void {
    const lightest = Math.min(...this.#groups.map(({ weight }) => weight));
    const turns = Math.floor(this.#random() * Math.min(this.#total / lightest, longestHeadStart));
    for (let turn = 0; turn < turns; turn++) this.pick({ tried: [] });
  }

  #regroup(account: Account | undefined, seat: Seat): void {
    if (account?.seat !== seat) return;
    const weight = seat.eligible ? this.#weightOf(seat) : 0;
    if (weight === (account.group?.weight ?? 0)) return;
    this.#leave(account);
    if (weight > 0) this.#admit(account, weight);
  }

  /** By half since the accounts were settled: that often, looking at everybody costs little for each that went. */
  #hasShrunk(): boolean {
    return this.#total * 2 < this.#settledTotal;
  }

  /** Nobody comes in with more debt or wealth than one whole round is worth: after a great shrinking it would starve, or reign. */
  #admit(account: Account, weight: number): void {
    const round = this.#total + weight;
    account.base = Math.max(-round, Math.min(round, account.base));
    this.#join(account, weight);
    this.#settledTotal = Math.max(this.#settledTotal, this.#total);
  }

  #join(account: Account, weight: number): void {
    let group = this.#groups.find((other) => other.weight === weight);
    if (group === undefined) this.#groups.push((group = { weight, accounts: new Turns(richer) }));
    account.base -= weight * this.#turns;
    account.group = group;
    group.accounts.add(account);
    this.#total += weight;
  }

  #leave(account: Account): void {
    const { group } = account;
    if (group === undefined) return;
    group.accounts.remove(account);
    account.group = undefined;
    account.base += group.weight * this.#turns;
    if (group.accounts.size === 0) this.#groups = this.#groups.filter((other) => other !== group);
    this.#total = this.#groups.length === 0 ? 0 : this.#total - group.weight;
  }

  /** Writes all earnings into the accounts and begins counting turns anew. Rare: O(n log n). */
  #settle(): void {
    const inside = [...this.#accounts.values()].filter(({ group }) => group !== undefined);
    const weights = inside.map(({ group }) => group!.weight);
    for (const account of inside) this.#leave(account);
    const round = weights.reduce((sum, weight) => sum + weight, 0);
    this.#turns = 0;
    this.#settledTotal = round;
    inside.forEach((account, index) => {
      account.base = Math.max(-round, Math.min(round, account.base));
      this.#join(account, weights[index]!);
    });
  }

  #weightOf({ weight }: Seat): number {
    if (this.evenly) return weight > 0 ? 1 : 0;
    return this.#roughly ? Number(weight.toPrecision(2)) : weight;
  }
}
