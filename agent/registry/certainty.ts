/**
 * How long a proof holds: a read has shown our node, our bytes and our session as its owner, and since then nothing has spoken against it.
 * What speaks against it is the node's watch, and a connection that has been lost for so long that the session may be over: servers keep a
 * session for its timeout after they last heard of us, and up to a third of that may have passed before the loss was noticed.
 */
import type { Session } from './tree.js';

export class Certainty {
  #changed = false;
  #lostAt: number | undefined;
  #timeoutMs = 0;

  sessionIs({ state, timeoutMs }: Session, now: number): void {
    this.#timeoutMs = timeoutMs;
    this.#lostAt = state === 'suspended' ? (this.#lostAt ?? now) : undefined;
  }

  /** Our node's watch has fired. */
  nodeChanged(): void {
    this.#changed = true;
  }

  proven(): void {
    this.#changed = false;
  }

  /** A slow look takes nothing back: what the last read proved holds until this one is answered. */
  holds(now: number): boolean {
    return !this.#changed && (this.#lostAt === undefined || now - this.#lostAt <= (this.#timeoutMs * 2) / 3);
  }
}
