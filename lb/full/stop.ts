import type { CallError } from '../errors.js';

/**
 * Whoever works for a call hears here that it is over, and why. In place of an AbortSignal, which costs more than all that this lane
 * decides about a call: one is made for those who want one.
 */
export class Stop {
  #reason: CallError | undefined;
  #listeners: (() => void)[] = [];

  /** Undefined: it goes on. */
  get reason(): CallError | undefined {
    return this.#reason;
  }

  /** The first reason counts. */
  now(reason: CallError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  /** Told once, unless it is over already. Call what it returns to hear nothing. */
  heard(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => {
      const index = this.#listeners.indexOf(listener);
      if (index >= 0) this.#listeners.splice(index, 1);
    };
  }

  /** One that is over when this one is, or by itself. */
  within(): Stop {
    const own = new Stop();
    if (this.#reason !== undefined) own.now(this.#reason);
    else this.heard(() => own.now(this.#reason!));
    return own;
  }

  get signal(): AbortSignal {
    const controller = new AbortController();
    if (this.#reason !== undefined) controller.abort(this.#reason);
    else this.heard(() => controller.abort(this.#reason));
    return controller.signal;
  }
}
