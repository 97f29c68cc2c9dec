/** A lease that was given out: sees to it that evidence comes once and release comes once. */
import type { Member } from './member.js';
import type { Endpoint } from './endpoint.js';
import type { Lease } from './lease.js';
import type { Outcome } from './outcome.js';

/** One for all loans of an upstream: a loan is made for each call, so it brings no functions of its own. */
export interface Lender {
  learn(member: Member, epoch: number, outcome: Outcome, onTrial: boolean, now?: number): void;
  giveBack(member: Member): void;
}

export class Loan implements Lease {
  readonly endpoint: Endpoint;
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

  answered(outcome: Outcome, now?: number): void {
    if (this.#answered) throw new Error(`the lease on ${this.endpoint.id} was answered twice`);
    this.#answered = true;
    this.#lender.learn(this.#member, this.#epoch, outcome, this.onTrial, now);
  }

  release(): void {
    if (this.#released) throw new Error(`the lease on ${this.endpoint.id} was released twice`);
    this.#released = true;
    if (!this.#answered) this.answered({ kind: 'ignored' });
    this.#lender.giveBack(this.#member);
  }
}
