/**
 * The right to send one attempt to one endpoint. Evidence once, release once: `answered` at the final head or the failure, `release` when the
 * last byte has gone. They are apart, or a half-open trial on a WebSocket would hold a circuit for hours. A second call of either throws: it is
 * a fault of ours.
 */
import type { Endpoint } from './endpoint.js';
import type { Member } from './member.js';
import type { Outcome } from './outcome.js';

/** One for all leases of an upstream: a lease is made for each attempt, so it brings no functions of its own. */
export interface Lender {
  learn(member: Member, epoch: number, outcome: Outcome, onTrial: boolean, now?: number): void;
  giveBack(member: Member): void;
}

export class Lease {
  readonly endpoint: Endpoint;
  /** The call can be sent again, and finds out whether an endpoint is well again that was not: a bad answer is better asked for elsewhere. */
  readonly onTrial: boolean;
  readonly #lender: Lender;
  readonly #member: Member;
  readonly #epoch: number;
  #answered = false;
  #released = false;

  constructor(lender: Lender, member: Member, epoch: number, onTrial: boolean) {
    this.endpoint = member.endpoint;
    this.#lender = lender;
    this.#member = member;
    this.#epoch = epoch;
    this.onTrial = onTrial;
  }

  /** `now`: the time, where somebody has just looked at the clock. */
  answered(outcome: Outcome, now?: number): void {
    if (this.#answered) throw new Error(`the lease on ${this.endpoint.id} was answered twice`);
    this.#answered = true;
    this.#lender.learn(this.#member, this.#epoch, outcome, this.onTrial, now);
  }

  /** Without an answer that counts as `ignored`. */
  release(): void {
    if (this.#released) throw new Error(`the lease on ${this.endpoint.id} was released twice`);
    this.#released = true;
    if (!this.#answered) this.answered({ kind: 'ignored' });
    this.#lender.giveBack(this.#member);
  }
}
