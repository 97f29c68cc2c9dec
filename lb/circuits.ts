/**
 * The circuits of one upstream's endpoints, and the only place where one of them changes the eligibility of a seat. A change is
 * pushed to the balancer when it happens, so that a pick never has to ask; the open ones stand in order of their next trial, so
 * that a call looks at the clock once and at one endpoint at most to know that nothing is due.
 */
import type { Balancer, Seat } from './balancer.js';
import { ConsecutiveBreaker, type BreakerOptions } from './breaker.js';
import { address, type Endpoint } from './endpoint.js';
import { Heap, type Placed } from './heap.js';
import type { Outcome } from './outcome.js';
import type { Emit, Random } from './ports.js';

/** One endpoint with all that is known of it. The object lives as long as it is listed or a lease on it is held. */
export interface Member extends Seat, Placed {
  endpoint: Endpoint;
  readonly breaker: ConsecutiveBreaker;
  /** False once it has left the list: what its last calls say concerns nobody. */
  listed: boolean;
}

export interface CircuitsParts {
  readonly upstream: string;
  readonly balancer: Balancer;
  readonly random: Random;
  readonly emit: Emit;
  readonly breaker: BreakerOptions;
  /** Told after a circuit has opened or closed. */
  readonly changed: () => void;
}

export class Circuits {
  readonly #parts: CircuitsParts;
  readonly #open = new Heap<Member>((a, b) => a.breaker.reopenAt < b.breaker.reopenAt);

  constructor(parts: CircuitsParts) {
    this.#parts = parts;
  }

  /** A newcomer, with a closed circuit. */
  make(endpoint: Endpoint): Member {
    const breaker = new ConsecutiveBreaker(this.#parts.breaker, this.#parts.random);
    return { endpoint, weight: endpoint.weight, breaker, active: 0, eligible: true, listed: true, place: -1 };
  }

  forget(member: Member): void {
    member.listed = false;
    this.#open.remove(member);
  }

  /** Makes those eligible whose time is up. */
  wake(now: number): void {
    for (let due = this.#open.first; due !== undefined && due.breaker.reopenAt <= now; due = this.#open.first)
      this.#halfOpen(due);
  }

  /** A call to this member starts. If it is the trial, there is none beside it. */
  begin(member: Member, now: number): number {
    const epoch = member.breaker.begin(now);
    if (member.breaker.onTrial) {
      this.#setEligible(member, false);
      this.#parts.emit({ kind: 'circuit_half_opened', upstream: this.#parts.upstream, endpoint: address(member.endpoint) });
    }
    return epoch;
  }

  end(member: Member, epoch: number, outcome: Outcome, now: number): void {
    const change = member.breaker.end(epoch, outcome, now);
    if (change === undefined || !member.listed) return;
    this.#setEligible(member, change !== 'opened');
    if (change === 'returned') return;
    const { upstream, emit, changed } = this.#parts;
    const endpoint = address(member.endpoint);
    if (change === 'opened') {
      this.#open.add(member);
      const why = member.breaker.why(' in a row');
      emit({ kind: 'circuit_opened', upstream, endpoint, why, forMs: Math.round(member.breaker.reopenAt - now) });
    } else emit({ kind: 'circuit_closed', upstream, endpoint });
    changed();
  }

  /** A background connect to it came through. */
  reached(member: Member, now: number): void {
    if (member.listed && member.breaker.mayTry(now)) this.#halfOpen(member);
  }

  /** When the next open circuit is due; undefined when none is waiting. */
  get nextTrialAt(): number | undefined {
    return this.#open.first?.breaker.reopenAt;
  }

  #halfOpen(member: Member): void {
    this.#open.remove(member);
    this.#setEligible(member, true);
  }

  #setEligible(member: Member, eligible: boolean): void {
    if (member.eligible === eligible) return;
    member.eligible = eligible;
    this.#parts.balancer.changed(member);
  }
}
