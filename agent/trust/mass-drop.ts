/**
 * The brake on a list that empties too fast: decides who is kept though the registry does not name him any more. When at least three
 * endpoints have vanished within ten seconds, and more than are left, the registry is the likelier culprit (wiped, partitioned, all
 * sessions lost at one time), and all of them are kept. Who was marked as drained, or came back at another address, has not vanished.
 *
 *   listed ──▶ departed ──10 s──▶ forgotten          counted by address: a new id at an old address is the same place
 *     ▲           │ too many
 *     └─ back ── kept ──▶ gone     one failed connect, a sync and a read, an operator, or 60 s
 *
 * Pure; told the time. What a doubtful endpoint has to do before it is called is not decided here.
 */
import { address, type Endpoint } from '../../lb/endpoint.js';

export const WINDOW_MS = 10_000;
export const KEPT_MS = 60_000;
const LEAST = 3;

interface Departed {
  readonly endpoint: Endpoint;
  readonly at: number;
}

/** What a new list has brought about. */
export interface Braked {
  /** Vanished so far, those of earlier lists included. */
  readonly vanished: number;
  readonly left: number;
}

export class MassDrop {
  readonly #departed = new Map<string, Departed>();
  readonly #kept = new Map<string, Departed>();
  #listed: ReadonlyMap<string, Endpoint> = new Map();

  /** Those who are kept, in the order in which they vanished. */
  get kept(): readonly Endpoint[] {
    return Array.from(this.#kept.values(), ({ endpoint }) => endpoint);
  }

  /** When the next of them is let go; undefined when none is kept. */
  get dueAt(): number | undefined {
    let first = Infinity;
    for (const { at } of this.#kept.values()) first = Math.min(first, at + KEPT_MS);
    return first === Infinity ? undefined : first;
  }

  /** Takes a whole list. `excused`: addresses and ids of those whose leaving is no wonder. Answers when the brake takes hold by this list. */
  heard(listed: readonly Endpoint[], excused: ReadonlySet<string>, now: number): Braked | undefined {
    const here = new Map(listed.map((endpoint) => [address(endpoint), endpoint]));
    const ids = new Set(listed.map(({ id }) => id));
    const isExplained = ({ id }: Endpoint, at: string): boolean =>
      here.has(at) || ids.has(id) || excused.has(at) || excused.has(id);
    for (const [at, endpoint] of this.#listed) if (!isExplained(endpoint, at)) this.#departed.set(at, { endpoint, at: now });
    for (const [at, { endpoint, at: since }] of this.#departed)
      if (isExplained(endpoint, at) || now - since > WINDOW_MS) this.#departed.delete(at);
    for (const [at, { endpoint }] of this.#kept) if (isExplained(endpoint, at)) this.#kept.delete(at);
    this.#listed = here;
    const vanished = this.#departed.size + this.#kept.size;
    if (this.#departed.size === 0 || vanished < LEAST || vanished <= here.size) return undefined;
    const held = this.#kept.size > 0;
    for (const [at, { endpoint }] of this.#departed) this.#kept.set(at, { endpoint, at: now });
    this.#departed.clear();
    return held ? undefined : { vanished, left: here.size };
  }

  /** He is gone. False: he was not kept. */
  letGo(at: string): boolean {
    return this.#kept.delete(at);
  }

  /** He stays until he is let go, or is listed again. */
  hold(at: string): void {
    const kept = this.#kept.get(at);
    if (kept) this.#kept.set(at, { ...kept, at: Infinity });
  }

  /** Lets those go whose time is over. */
  expire(now: number): readonly Endpoint[] {
    const over = this.kept.filter((endpoint) => now >= this.#kept.get(address(endpoint))!.at + KEPT_MS);
    for (const endpoint of over) this.#kept.delete(address(endpoint));
    return over;
  }
}
