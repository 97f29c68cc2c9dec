/**
 * Who may get a call: the one place where facts and opinions about an endpoint become its eligibility, which is pushed to the balancer when
 * it changes, so that a pick asks nobody. It does not know where facts and opinions come from.
 *
 *     fact       circuit open, or on trial      out, whatever the others are like
 *     opinion    ejected, found ill by checks   out, unless there is panic
 *     suspicion  the last connect failed        out as long as anybody is above suspicion
 *
 * Panic (panic.ts) pardons opinions. Facts are not pardoned: a refused connect helps nobody. What an endpoint counts as is pushed too, for
 * those who count panic among some of the endpoints.
 */
import type { Balancer } from './balancer.js';
import type { Enforced } from './enforced.js';
import type { Mark, Member } from './member.js';
import { Panic, type PanicOptions, type Stand } from './panic.js';

export interface StandingsParts {
  readonly balancer: Balancer;
  readonly panic: PanicOptions;
  readonly enforced: Enforced;
  readonly panicked: (panic: boolean, well: number, total: number) => void;
}

/** Of suspects, by one call. */
const mostLooks = 64;

export class Standings {
  readonly #parts: StandingsParts;
  readonly #panic: Panic;
  #members: readonly Member[] = [];
  readonly #suspects = new Set<Member>();
  /** With weight, circuit closed, not out, and not suspect. */
  #firm = 0;

  constructor(parts: StandingsParts) {
    this.#parts = parts;
    this.#panic = new Panic(parts.panic);
  }

  get panic(): boolean {
    return this.#panic.on;
  }

  /** The whole list, before the balancer gets it. */
  update(members: readonly Member[]): void {
    this.#members = members;
    for (const suspect of this.#suspects) if (!suspect.listed) this.#suspects.delete(suspect);
    this.#recount();
    this.#look();
    for (const member of members) this.#settle(member);
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
    const hadFirm = this.#firm > 0;
    this.#add(member, -1);
    member.against[mark] = is;
    if (mark === 'suspect') this.#suspects[is ? 'add' : 'delete'](member);
    this.#add(member, 1);
    if (this.#look()) return this.#push(this.#members);
    this.#push([member]);
    if (this.#firm > 0 !== hadFirm) this.#push(this.#suspects);
  }

  /** Endpoints with weight in the list that holds. */
  get total(): number {
    return this.#panic.total;
  }

  get suspects(): ReadonlySet<Member> {
    return this.#suspects;
  }

  /**
   * For a call that has been to everybody else: a suspect is better than nobody. `fits`: the call could do with it; `pardons`: there is panic
   * among those that it may go to. Looks at so many only; those that will not do go behind the others, so that the next call does not meet
   * them again.
   */
  untriedSuspect(tried: readonly string[], fits: (member: Member) => boolean = () => true, pardons = false): Member | undefined {
    let left = Math.min(this.#suspects.size, mostLooks);
    for (const suspect of this.#suspects) {
      const { id, weight } = suspect.endpoint;
      if (weight > 0 && this.#allowed(suspect, pardons) && !tried.includes(id) && fits(suspect)) return suspect;
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

  /** True: panic has begun or ended. */
  #look(): boolean {
    if (!this.#panic.look()) return false;
    this.#recount();
    this.#parts.panicked(this.#panic.on, this.#panic.well, this.#panic.total);
    return true;
  }

  #push(members: Iterable<Member>): void {
    for (const member of members) if (this.#settle(member)) this.#parts.balancer.changed(member);
  }

  /** What a balancer sees of it. True: that has changed. */
  #settle(member: Member): boolean {
    const [eligible, pardonable, stand] = [this.#mayServe(member), this.#mayBePardoned(member), this.#standOf(member)];
    if (member.eligible === eligible && member.pardonable === pardonable && member.stand === stand) return false;
    member.eligible = eligible;
    member.pardonable = pardonable;
    member.stand = stand;
    return true;
  }

  #mayServe(member: Member): boolean {
    return this.#allowed(member) && (!this.#isSuspect(member) || this.#firm === 0);
  }

  #allowed(member: Member, pardons = false): boolean {
    return !this.#isShut(member) && (pardons || this.panic || !this.isBlamed(member));
  }

  /** Suspicion is no opinion: in panic too, suspects stay aside as long as anybody else is left. */
  #mayBePardoned(member: Member): boolean {
    return !this.#isShut(member) && !this.#isSuspect(member);
  }

  #isShut({ against }: Member): boolean {
    return against.shut && this.#parts.enforced.circuit;
  }

  #isSuspect({ against }: Member): boolean {
    return against.suspect && this.#parts.enforced.circuit;
  }

  #standOf(member: Member): Stand {
    if (!member.listed || member.endpoint.weight <= 0 || member.endpoint.doubt?.kept) return 'none';
    if (this.isOpen(member)) return 'open';
    return this.isBlamed(member) ? 'blamed' : 'well';
  }

  #recount(): void {
    this.#panic.clear();
    this.#firm = 0;
    for (const member of this.#members) this.#add(member, 1);
  }

  #add(member: Member, by: 1 | -1): void {
    this.#panic.add(this.#standOf(member), by);
    if (!member.listed || member.endpoint.weight <= 0) return;
    if (!this.isOpen(member) && (this.panic || !this.isBlamed(member)) && !this.#isSuspect(member)) this.#firm += by;
  }
}
