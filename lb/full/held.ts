/** An answer that may be repeated: it waits, unread, until another endpoint can be asked in its place, or else is the answer after all. */
import type { Lease } from '../lease.js';
import type { Answer } from './answer.js';

/** A lease, and the answer that it has brought. */
export interface Reached {
  readonly lease: Lease;
  readonly answer: Answer;
}

export class Held {
  #kept: Reached | undefined;

  keep(reached: Reached): void {
    this.#kept = reached;
    reached.answer.body.once('error', () => {
      if (this.take(reached) !== undefined) reached.lease.release();
    });
  }

  /** It is the caller's now. Undefined: there is none, or it was cut while it waited. */
  take(only?: Reached): Reached | undefined {
    const kept = this.#kept;
    if (only !== undefined && only !== kept) return undefined;
    this.#kept = undefined;
    return kept;
  }

  /** Another endpoint is asked in its place. */
  drop(): void {
    const kept = this.take();
    kept?.answer.body.destroy();
    kept?.lease.release();
  }
}
