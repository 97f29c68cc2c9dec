/** A lease that was given out: sees to it that evidence comes once and release comes once. */
import type { Endpoint } from './endpoint.js';
import type { Lease } from './lease.js';
import type { Outcome } from './outcome.js';

export interface LoanTerms {
  learn(outcome: Outcome): void;
  giveBack(): void;
}

export class Loan implements Lease {
  readonly endpoint: Endpoint;
  readonly #terms: LoanTerms;
  #answered = false;
  #released = false;

  constructor(endpoint: Endpoint, terms: LoanTerms) {
    this.endpoint = endpoint;
    this.#terms = terms;
  }

  answered(outcome: Outcome): void {
    if (this.#answered) throw new Error(`the lease on ${this.endpoint.id} was answered twice`);
    this.#answered = true;
    this.#terms.learn(outcome);
  }

  release(): void {
    if (this.#released) throw new Error(`the lease on ${this.endpoint.id} was released twice`);
    this.#released = true;
    if (!this.#answered) this.answered({ kind: 'ignored' });
    this.#terms.giveBack();
  }
}
