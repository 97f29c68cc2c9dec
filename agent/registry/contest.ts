/**
 * Whether somebody else who lives says that he is us. A restart takes the node of our earlier session over, once, and nobody takes it back.
 * Two live sidecars with one id, host and port would take it from each other for ever: whoever has lost it several times in short order
 * leaves it to the other, as to a stranger, and has it when that one goes. So there is always a node, and one writer.
 */
import type { LostBy } from '../events.js';
import type { Proof } from './registry.js';

const MOST_LOSSES = 3;
const FORGET_MS = 60_000;

export class Contest {
  #losses = 0;
  #at = -Infinity;
  #held: string | undefined;

  /** Another session took the node over, and we took it back. */
  lost(now: number): void {
    this.#losses = now - this.#at > FORGET_MS ? 1 : this.#losses + 1;
    this.#at = now;
  }

  /** True: what the other holds is his. */
  yields(now: number): boolean {
    return this.#losses >= MOST_LOSSES && now - this.#at <= FORGET_MS;
  }

  /** The other has it, in these words. True when that is news. */
  left(why: string, now: number): boolean {
    const isNews = this.#held === undefined;
    this.#held = why;
    this.#at = now;
    return isNews;
  }

  /** It is ours, or nobody wishes for it any more. */
  settled(): void {
    this.#held = undefined;
  }

  /** Who has it in our place, or why we are refused: then what another session has of us is not ours to take away. Undefined: nobody. */
  get held(): string | undefined {
    return this.#held;
  }
}

/** What became of our node, by what it took to have it again. */
export const lost: Readonly<Record<Proof['how'], { readonly by: LostBy; readonly why: string }>> = {
  created: { by: 'removed', why: 'somebody removed the node' },
  taken_over: { by: 'taken_over', why: 'the node belonged to another session' },
  rewritten: { by: 'changed', why: 'somebody changed its data' },
  found: { by: 'changed', why: 'it stood all the time' },
};
