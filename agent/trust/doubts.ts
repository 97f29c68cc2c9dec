/**
 * Endpoints as the data path gets them: each with a doubt of its own, made once, which says from then on why it has to prove who it is now, if it
 * has to. So thousands who are doubted at one time, or no more, are the same endpoints to everybody, and nothing of them is made anew.
 */
import type { Doubt, Endpoint } from '../../lb/endpoint.js';
import type { Proof } from './prover.js';
import { DOUBTS, type Why } from './trust.js';

export interface DoubtsParts {
  readonly prove: (endpoint: Endpoint, why: Why) => Promise<Proof>;
  readonly proven: (endpoint: Endpoint, proof: Proof) => void;
  /** A connection to it could not be made. */
  readonly failed: (endpoint: Endpoint, why: string) => void;
}

export class Doubts {
  readonly #parts: DoubtsParts;
  readonly #known = new WeakMap<Endpoint, Endpoint & { readonly doubt: Standing }>();

  constructor(parts: DoubtsParts) {
    this.#parts = parts;
  }

  /** What goes to the data path in its place; `why`: for what it is doubted from now on. */
  about(endpoint: Endpoint, why: Why | undefined): Endpoint & { readonly doubt: Doubt } {
    let known = this.#known.get(endpoint);
    if (known === undefined) {
      known = { ...endpoint, doubt: new Standing(endpoint, this.#parts) };
      this.#known.set(endpoint, known);
    }
    known.doubt.because = why;
    return known;
  }
}

class Standing implements Doubt {
  because: Why | undefined;
  readonly #endpoint: Endpoint;
  readonly #parts: DoubtsParts;

  constructor(endpoint: Endpoint, parts: DoubtsParts) {
    this.#endpoint = endpoint;
    this.#parts = parts;
  }

  get why(): string | undefined {
    return this.because && DOUBTS[this.because];
  }

  get kept(): boolean {
    return this.because !== undefined && this.because !== 'returned';
  }

  ask(done: (refusal?: string) => void): () => void {
    let givenUp = false;
    const { because } = this;
    if (because === undefined) throw new Error('nobody doubts it');
    void this.#parts.prove(this.#endpoint, because).then((proof) => {
      this.#parts.proven(this.#endpoint, proof);
      if (!givenUp) done('why' in proof ? proof.why : undefined);
    });
    return () => {
      givenUp = true;
    };
  }

  failed(why: string): void {
    this.#parts.failed(this.#endpoint, why);
  }
}
