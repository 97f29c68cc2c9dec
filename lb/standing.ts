/**
 * Who may get a call: the one place where facts and opinions about an endpoint become its eligibility, which is pushed to the balancer when
 * it changes, so that a pick asks nobody. It does not know where facts and opinions come from.
 *
 *     fact       circuit open, or on trial      out, whatever the others are like
 *     opinion    ejected, found ill by checks   out, unless there is panic
 *     suspicion  the last connect failed        out as long as anybody is above suspicion
 *
 * Panic (Envoy's): when less than a share of the endpoints is well, opinions are more likely wrong, or cost more, than they are worth: all
 * of them are pardoned until enough are well again. Facts are not: a refused connect helps nobody.
 */
import type { Balancer } from './balancer.js';
import type { Enforced } from './enforced.js';
import type { Mark, Member } from './member.js';

/** 0 to 100: below this share of well endpoints opinions are pardoned; 0: never. */
export interface PanicOptions {
  readonly percent: number;
}

export const defaultPanic: PanicOptions = { percent: 50 };

export interface StandingsParts {
  readonly balancer: Balancer;
  readonly panic: PanicOptions;
  readonly enforced: Enforced;
  readonly panicked: (panic: boolean, well: number, total: number) => void;
}

/** The numbers that conclusions are drawn from, of endpoints with weight; those that no list holds now count for nothing but `firm`. */
interface Count {
  total: number;
  well: number;
  /** Out by opinion alone. */
  blamed: number;
  /** Circuit closed, not out, and not suspect. */
  firm: number;
}

/** Of suspects, by one call. */
const mostLooks = 64;
const nobody: Count = { total: 0, well: 0, blamed: 0, firm: 0 };

export class Standings {
  panic = false;
  readonly #parts: StandingsParts;
  #members: readonly Member[] = [];
  readonly #suspects = new Set<Member>();
  #count: Count = { ...nobody };

  constructor(parts: StandingsParts) {
    this.#parts = parts;
  }

  /** The whole list, before the balancer gets it. */
  update(members: readonly Member[]): void {
    this.#members = members;
    for (const suspect of this.#suspects) if (!suspect.listed) this.#suspects.delete(suspect);
    this.#recount();
    this.#look();
    for (const member of members) member.eligible = this.#mayServe(member);
  }

  /** What is acted on, or the share of panic, has been changed by somebody. */
  reconsider(): void {
    this.#recount();
    this.#look();
    this.#push(this.#members);
  }

  /** Something begins or ends to speak against a listed member. */
  set(member: Member, mark: Mark, is: boolean): void {
    if (member.against[mark] === is) return;
    const hadFirm = this.#count.firm > 0;
    this.#add(member, -1);
    member.against[mark] = is;
    if (mark === 'suspect') this.#suspects[is ? 'add' : 'delete'](member);
    this.#add(member, 1);
    if (this.#look()) return this.#push(this.#members);
    this.#push([member]);
    if (this.#count.firm > 0 !== hadFirm) this.#push(this.#suspects);
  }

  /** Endpoints with weight in the list that holds. */
  get total(): number {
    return this.#count.total;
  }

  get suspects(): ReadonlySet<Member> {
    return this.#suspects;
  }

  /**
   * For a call that has been to everybody else: a suspect is better than nobody. `fits`: the call could do with it. Looks at so many only;
   * those that will not do go behind the others, so that the next call does not meet them again.
   */
  untriedSuspect(tried: readonly string[], fits: (member: Member) => boolean = () => true): Member | undefined {
    let left = Math.min(this.#suspects.size, mostLooks);
    for (const suspect of this.#suspects) {
      const { id, weight } = suspect.endpoint;
      if (weight > 0 && this.#allowed(suspect) && !tried.includes(id) && fits(suspect)) return suspect;
      this.#suspects.delete(suspect);
      this.#suspects.add(suspect);
      if (--left === 0) break;
    }
    return undefined;
  }

  /** Its circuit is not closed, and that counts. */
  isOpen({ against }: Member): boolean {
    return against.open && this.#parts.enforced.circuit;
  }

  /** An opinion speaks against it, and counts unless there is panic. */
  isBlamed({ against }: Member): boolean {
    const { outlier, checks } = this.#parts.enforced;
    return (against.ejected && outlier) || (against.ill && checks);
  }

  /** Less than the share is well, and somebody would be out for it. True: this has changed. */
  #look(): boolean {
    const { well, total, blamed } = this.#count;
    const panic = blamed > 0 && well * 100 < this.#parts.panic.percent * total;
    if (panic === this.panic) return false;
    this.panic = panic;
    this.#recount();
    this.#parts.panicked(panic, well, total);
    return true;
  }

  #push(members: Iterable<Member>): void {
    for (const member of members) {
      const eligible = this.#mayServe(member);
      if (member.eligible === eligible) continue;
      member.eligible = eligible;
      this.#parts.balancer.changed(member);
    }
  }

  #mayServe(member: Member): boolean {
    return this.#allowed(member) && (!this.#isSuspect(member) || this.#count.firm === 0);
  }

  #allowed(member: Member): boolean {
    return !(member.against.shut && this.#parts.enforced.circuit) && (this.panic || !this.isBlamed(member));
  }

  #isSuspect({ against }: Member): boolean {
    return against.suspect && this.#parts.enforced.circuit;
  }

  #recount(): void {
    this.#count = { ...nobody };
    for (const member of this.#members) this.#add(member, 1);
  }

  #add(member: Member, by: 1 | -1): void {
    if (!member.listed || member.endpoint.weight <= 0) return;
    const open = this.isOpen(member);
    const blamed = this.isBlamed(member);
    if (!member.endpoint.doubt?.kept) {
      this.#count.total += by;
      if (!open && !blamed) this.#count.well += by;
      if (!open && blamed) this.#count.blamed += by;
    }
    if (!open && (this.panic || !blamed) && !this.#isSuspect(member)) this.#count.firm += by;
  }
}
