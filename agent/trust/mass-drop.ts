/**
 * The brake on a list that empties too fast: decides who is kept though the registry does not name him any more. When at least three
 * endpoints have vanished within ten seconds, and more than are left, the registry is the likelier culprit (wiped, partitioned, all
 * sessions lost at one time), and all of them are kept; behind an outage, when sessions may well have ended, a single one is enough if he was
 * the last. Who was marked as drained, or came back at another address, has not vanished.
 *
 *   listed ──▶ departed ──10 s──▶ forgotten          counted by address: a new id at an old address is the same place
 *     ▲           │ too many
 *     └─ back ── kept ──▶ gone     one failed connect, a sync and a read, an operator, or 60 s
 *
 * Pure; told the time. What a doubtful endpoint has to do before it is called is not decided here.
 */
import { addressOf, type Endpoint } from '../../lb/endpoint.js';

export const WINDOW_MS = 10_000;
export const KEPT_MS = 60_000;
const LEAST = 3;

interface Departed {
  readonly endpoint: Endpoint;
  at: number;
}

/** What a new list has brought about. */
export interface Braked {
  /** Vanished so far, those of earlier lists included. */
  readonly vanished: number;
  readonly left: number;
}

export class MassDrop {
  #departed = new Map<string, Departed>();
  #kept = new Map<string, Departed>();
  readonly #listed = new Map<string, Endpoint>();
  readonly #ids = new Set<string>();
  #fresh: Endpoint[] = [];
  #waryUntil = -Infinity;

  /** Those who are kept, in the order in which they vanished. */
  get kept(): readonly Endpoint[] {
    return Array.from(this.#kept.values(), ({ endpoint }) => endpoint);
  }

  /** Those who have been kept since this was asked last. */
  newcomers(): readonly Endpoint[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  get size(): number {
    return this.#kept.size;
  }

  keeps(at: string): boolean {
    return this.#kept.has(at);
  }

  /** When the next of them is let go; undefined when none is kept. */
  get dueAt(): number | undefined {
    let first = Infinity;
    for (const { at } of this.#kept.values()) first = Math.min(first, at + KEPT_MS);
    return first === Infinity ? undefined : first;
  }

  /** The registry could not be asked for a while: until then it is the culprit when nobody is left, however few they were. */
  beWary(until: number): void {
    this.#waryUntil = until;
  }

  /** Takes a whole list. `excused`: addresses and ids of those whose leaving is no wonder. Answers when the brake takes hold by this list. */
  heard(listed: readonly Endpoint[], excused: ReadonlySet<string>, now: number): Braked | undefined {
    const here = new Set(listed.map(addressOf));
    const gone: Endpoint[] = [];
    for (const [at, endpoint] of this.#listed) if (!here.has(at)) gone.push(endpoint);
    const joined = listed.filter((endpoint) => this.#listed.get(addressOf(endpoint)) !== endpoint);
    return this.changed(gone, joined, excused, now);
  }

  /** Takes what of the list has changed; who is in both has only become another. `ahead`: so many more are about to vanish from it. */
  changed(
    gone: readonly Endpoint[],
    joined: readonly Endpoint[],
    excused: ReadonlySet<string>,
    now: number,
    ahead = 0,
  ): Braked | undefined {
    for (const endpoint of gone) {
      this.#listed.delete(addressOf(endpoint));
      this.#ids.delete(endpoint.id);
    }
    for (const endpoint of joined) {
      const at = addressOf(endpoint);
      const before = this.#listed.get(at);
      if (before !== undefined) this.#ids.delete(before.id);
      this.#listed.set(at, endpoint);
    }
    for (const { id } of joined) this.#ids.add(id);
    const isExplained = ({ id }: Endpoint, at: string): boolean =>
      this.#listed.has(at) || this.#ids.has(id) || excused.has(at) || excused.has(id);
    for (const [at, { endpoint, at: since }] of this.#departed)
      if (isExplained(endpoint, at) || now - since > WINDOW_MS) this.#departed.delete(at);
    for (const endpoint of gone)
      if (!isExplained(endpoint, addressOf(endpoint))) this.#departed.set(addressOf(endpoint), { endpoint, at: now });
    // of thousands this takes its time, and nobody else explains anything
    if (joined.length + excused.size > 0)
      for (const [at, { endpoint }] of this.#kept) if (isExplained(endpoint, at)) this.#kept.delete(at);
    const vanished = this.#departed.size + this.#kept.size + ahead;
    const left = this.#listed.size - ahead;
    const least = left === 0 && now < this.#waryUntil ? 1 : LEAST;
    if (this.#departed.size === 0 || vanished < least || vanished <= left) return undefined;
    const held = this.#kept.size > 0;
    for (const one of this.#departed.values()) {
      one.at = now;
      this.#fresh.push(one.endpoint);
    }
    if (held) for (const [at, one] of this.#departed) this.#kept.set(at, one);
    else this.#kept = this.#departed;
    this.#departed = new Map();
    return held ? undefined : { vanished, left };
  }

  /** He is gone. False: he was not kept. */
  letGo(at: string): boolean {
    return this.#kept.delete(at);
  }

  /** He stays until he is let go, or is listed again. */
  hold(at: string): void {
    const kept = this.#kept.get(at);
    if (kept) kept.at = Infinity;
  }

  /** Lets those go whose time is over. */
  expire(now: number): readonly Endpoint[] {
    const over = this.kept.filter((endpoint) => now >= this.#kept.get(addressOf(endpoint))!.at + KEPT_MS);
    for (const endpoint of over) this.#kept.delete(addressOf(endpoint));
    return over;
  }
}
