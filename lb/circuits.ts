/**
 * The circuits of one upstream's endpoints. What a circuit's change means for its endpoint is pushed to the standings when it happens; the
 * open ones stand in order of their next trial, so that a call looks at the clock once and at one endpoint at most to know that nothing is
 * due.
 *
 * A failed connect makes its endpoint suspect before the circuit has enough to open. A connect in the background settles that: one that
 * comes through clears it, one that fails counts as a call's would. So a dead endpoint costs a call or two, not five.
 */
import { CircuitBreaker, type BreakerOptions, type CircuitChange } from './breaker.js';
import type { Endpoint } from './endpoint.js';
import type { FailureCode } from './errors.js';
import { aboutEndpoint, type AboutEndpoint } from './facts.js';
import { Heap } from './heap.js';
import { Member } from './member.js';
import { failed, type Outcome } from './outcome.js';
import type { Emit, Random } from './ports.js';
import type { Enforced } from './enforced.js';
import type { Standings } from './standing.js';
import type { UpstreamStats } from './stats.js';

export interface CircuitsParts {
  readonly upstream: string;
  readonly standings: Standings;
  readonly random: Random;
  readonly emit: Emit;
  readonly breaker: BreakerOptions;
  readonly stats: UpstreamStats;
  /** Not so: what would be done is told, and calls flow. */
  readonly enforced: Enforced;
  /** Told after a circuit has opened or closed. */
  readonly changed: () => void;
  /** Its circuit has opened: somebody may want to look at it. */
  readonly putOut: (member: Member, now: number) => void;
  /** An endpoint has become suspect: somebody should connect to it soon. */
  readonly suspected: () => void;
}

/** So long a trial that is due waits for a call that loses nothing by it. */
const sparesMs = 300;
/** Of open circuits, for one refusal. */
const mostLooks = 64;

export class Circuits {
  readonly #parts: CircuitsParts;
  readonly #open = new Heap<Member>((a, b) => a.breaker.reopenAt < b.breaker.reopenAt);
  /** Those of them that a call may try before their time; the one that has waited longest is the first. */
  readonly #quick = new Set<Member>();
  /** The circuit of all that have nothing to remember: of thousands, each call would find its own cold in memory. */
  readonly #calm: CircuitBreaker;

  constructor(parts: CircuitsParts) {
    this.#parts = parts;
    this.#calm = this.#breaker();
  }

  /** A newcomer, with a closed circuit. */
  make(endpoint: Endpoint): Member {
    return new Member(endpoint, this.#calm);
  }

  forget(member: Member): void {
    member.listed = false;
    this.#open.remove(member);
    this.#quick.delete(member);
  }

  /** Lets those be tried whose time is up. */
  wake(now: number): void {
    for (let due = this.#open.first; due !== undefined && due.breaker.reopenAt <= now; due = this.#open.first)
      this.#halfOpen(due);
  }

  /**
   * An open circuit whose trial may be a call that can be repeated, though its time has not come. Undefined: none. `fits`: the call could
   * do with it.
   */
  early(fits: (member: Member) => boolean, now: number): Member | undefined {
    const [first] = this.#quick;
    if (first === undefined || !this.#parts.enforced.circuit) return undefined;
    if (fits(first) && first.breaker.mayTryEarly(now)) {
      this.#open.remove(first);
      this.#quick.delete(first);
      return first;
    }
    if (this.#quick.size === 1) return undefined;
    this.#quick.delete(first); // behind the others, so that the next call does not meet it again
    this.#quick.add(first);
    return undefined;
  }

  /** When a call that can be repeated may be its trial before its time; undefined: none may. */
  earlyFrom(member: Member): number | undefined {
    return this.#quick.has(member) && this.#parts.enforced.circuit ? member.breaker.earlyFrom : undefined;
  }

  /** For how long only a call that can be repeated is its trial, which is due; 0 where any is. */
  sparedMs(member: Member, now: number): number {
    return this.spares(member, now) ? member.breaker.reopenAt + sparesMs - now : 0;
  }

  /** Its trial is due, and had better be a call that loses nothing: one that does should go to somebody else, for a moment. */
  spares({ breaker }: Member, now: number): boolean {
    return breaker.openedAt !== undefined && this.#parts.enforced.circuit && now - breaker.reopenAt < sparesMs;
  }

  /** A call to this member starts. If it is the trial, there is none beside it. */
  begin(member: Member, now: number): number {
    const epoch = member.breaker.begin(now);
    if (member.breaker.onTrial && !member.against.shut) {
      this.#parts.standings.set(member, 'shut', true);
      this.#parts.emit({ kind: 'circuit_half_opened', ...this.#about(member) });
    }
    return epoch;
  }

  end(member: Member, epoch: number, outcome: Outcome, now: number): void {
    if (member.breaker === this.#calm) {
      if (!this.#calm.remembers(outcome)) return;
      member.breaker = this.#breaker();
    }
    const { breaker } = member;
    const wasUnreachable = breaker.unreachable; // no other is suspect
    const change = breaker.end(epoch, outcome, now);
    if (breaker.isAsMade) member.breaker = this.#calm;
    if (!member.listed) return;
    if (change !== undefined) this.#turned(member, change, now);
    if (outcome.kind !== 'success' && outcome.kind !== 'failure') return;
    const isSuspect = breaker.openedAt === undefined && breaker.unreachable;
    if (wasUnreachable || isSuspect) this.#suspect(member, isSuspect);
  }

  /** A background connect to it came through. No evidence that it serves: it clears a suspicion, and lets a trial begin now. */
  reached(member: Member, now: number): void {
    if (!member.listed) return;
    this.#suspect(member, false);
    if (member.breaker.mayTry(now)) this.#halfOpen(member);
  }

  /** A check that had found it ill finds it well. */
  recovered(member: Member, now: number): void {
    if (member.listed && member.breaker.mayTry(now, true)) this.#halfOpen(member);
  }

  /** A background connect to it failed: that counts for a suspect, and says nothing new of an open circuit. */
  unreached(member: Member, code: FailureCode, now: number): void {
    if (member.listed && member.against.suspect) this.end(member, member.breaker.begin(now), failed(code, 0), now);
  }

  /** Those of these whose circuit is open because they could not be reached. */
  unreachable(members: Iterable<Member>, now: number): readonly Endpoint[] {
    if (this.#open.first === undefined) return [];
    const out = [...members].filter(({ breaker }) => breaker.state(now) === 'open' && breaker.unreachable);
    return out.map(({ endpoint }) => endpoint);
  }

  /** When the next open circuit of these is due; undefined when none is waiting, or there are too many others to look at. */
  nextTrialAt(fits: (member: Member) => boolean): number | undefined {
    const due = this.#open.some(mostLooks).filter(fits);
    return due.length === 0 ? undefined : Math.min(...due.map(({ breaker }) => breaker.reopenAt));
  }

  /** Some may be tried before their time. */
  get hasQuick(): boolean {
    return this.#quick.size > 0;
  }

  #breaker(): CircuitBreaker {
    return new CircuitBreaker(this.#parts.breaker, this.#parts.random);
  }

  #turned(member: Member, change: CircuitChange, now: number): void {
    const { standings, emit, changed, stats, enforced, putOut } = this.#parts;
    standings.set(member, 'shut', change === 'opened' || change === 'stays_open');
    if (change === 'returned') return;
    this.#quick.delete(member);
    if (change !== 'closed' && member.breaker.isQuick) this.#quick.add(member);
    if (change === 'stays_open') return this.#open.add(member);
    standings.set(member, 'open', change === 'opened');
    if (change === 'opened') {
      this.#open.add(member);
      if (!enforced.circuit) stats.wouldHave.circuit++;
      const why = member.breaker.why(' in a row');
      emit({ kind: 'circuit_opened', ...this.#about(member), why, forMs: Math.round(member.breaker.reopenAt - now) });
      putOut(member, now);
    } else emit({ kind: 'circuit_closed', ...this.#about(member) });
    changed();
  }

  #about({ endpoint }: Member): AboutEndpoint {
    return aboutEndpoint(this.#parts.upstream, endpoint, this.#parts.enforced.circuit);
  }

  #suspect(member: Member, is: boolean): void {
    if (member.against.suspect === is) return;
    this.#parts.standings.set(member, 'suspect', is);
    if (is) this.#parts.suspected();
  }

  #halfOpen(member: Member): void {
    this.#open.remove(member);
    this.#quick.delete(member);
    this.#parts.standings.set(member, 'shut', false);
  }
}
