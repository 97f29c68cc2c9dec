/** Why a session cannot be had, kept from the facts for as long as that is so: the log told it once. */
import type { Fact } from './events.js';

export class SessionTrouble {
  /** By the address of the registry; the main one has none. */
  readonly #whys = new Map<string | undefined, string>();

  heard(fact: Fact): void {
    if (fact.kind === 'session_trouble') this.#whys.set(fact.registry, fact.why);
    else if (fact.kind === 'session_changed' && fact.state === 'connected') this.#whys.delete(fact.registry);
  }

  /** Null: there is none. */
  of(registry?: string): string | null {
    return this.#whys.get(registry) ?? null;
  }
}
