/**
 * What one call has tried so far: whom it has asked, how much of it was written, and the failure that stands if nobody else can be asked. Kept
 * by both lanes and read by the deciders; it decides nothing itself. One serves all calls of a connection, one after the other.
 */
import type { Ask } from './balancer.js';
import type { Endpoint } from './endpoint.js';
import type { FailureCode } from './errors.js';
import type { Send } from './last-calls.js';
import type { Refused } from './refusal.js';
import type { Subset } from './subset.js';

export interface FailedTry extends Refused {
  readonly sent: 'nothing' | 'some' | 'all';
  /** It went over a connection that had been used before: which was dead, perhaps, not the endpoint. */
  readonly kept: boolean;
}

const nobody: readonly string[] = [];
const none: readonly Send[] = [];

export class Tries {
  /** Sends, the ones that run included. */
  count = 0;
  /** Those of which something, or nothing, was written, as far as they have ended. */
  written = 0;
  unsent = 0;
  /** The endpoint that was asked last. */
  asked: Endpoint | undefined;
  /** When its first send was, or the one after a pause; beside that there may be another. */
  askedAt = 0;
  /** It could be sent again if the next send failed. */
  repeatable = false;
  /** If the next send is slow, there will be another beside it. */
  hedged = false;
  /** Why the last one that failed did. */
  last: Refused | undefined;
  /** Kept from the second send on, or when one ends in another way than by its answer. */
  #sends: readonly Send[] = none;
  #tried: readonly string[] = nobody;
  #again = false;
  #key: number | undefined;
  #subset: Subset | undefined;

  /** The next call begins. `key`, `subset`: what every send of it asks for (balancer.ts). */
  begin(key: number | undefined, subset: Subset | undefined): void {
    this.#key = key;
    this.#subset = subset;
    this.count = 0;
    this.written = 0;
    this.unsent = 0;
    this.asked = undefined;
    this.repeatable = false;
    this.hedged = false;
    this.last = undefined;
    this.#sends = none;
    this.#tried = nobody;
    this.#again = false;
  }

  /** `beside`: the one before it still runs. */
  sent(endpoint: Endpoint, now: number, beside = false): void {
    if (this.count > 0) this.#sends = [...this.sends, { endpoint, at: now, ended: undefined }];
    if (!beside) this.askedAt = now;
    this.count++;
    this.asked = endpoint;
  }

  /** All of them, in their order. */
  get sends(): readonly Send[] {
    const { asked, askedAt: at } = this;
    return this.#sends.length > 0 || asked === undefined ? this.#sends : [{ endpoint: asked, at, ended: undefined }];
  }

  failed(endpoint: Endpoint, { code, message, sent, kept }: FailedTry, now: number): void {
    if (sent === 'nothing') this.unsent++;
    else this.written++;
    this.#over(endpoint, { at: now, became: code }, { code, message }, this.written === 0 || (kept && code === 'reset'));
  }

  /** It has answered, and yet another endpoint is to be asked. `message`: what the app is told if that answer is lost as well. */
  answered(endpoint: Endpoint, status: number, message: string, now: number): void {
    this.written++;
    this.#over(endpoint, { at: now, became: status }, { code: 'reset' satisfies FailureCode, message }, false);
  }

  /** It has answered first, so that nobody else is waited for. Who was asked before it and does worse has been outpaced. */
  first(endpoint: Endpoint, status: number, now: number): void {
    const first = this.#running(endpoint);
    const end = (index: number): Send['ended'] => ({ at: now, became: index < first && status < 400 ? 'outpaced' : 'given_up' });
    this.#sends = this.sends.map((one, index) => (one.ended || index === first ? one : { ...one, ended: end(index) }));
  }

  /** What the next send asks for. */
  get ask(): Ask {
    const { repeatable, hedged } = this;
    return { tried: this.#tried, again: this.#again, repeatable, hedged, key: this.#key, subset: this.#subset };
  }

  /** The same for a second send beside the one that runs. */
  get beside(): Ask {
    return { ...this.ask, tried: [...this.#tried, ...(this.asked ? [this.asked.id] : [])], again: false, repeatable: false };
  }

  #over(endpoint: Endpoint, ended: NonNullable<Send['ended']>, last: Refused, again: boolean): void {
    const over = this.#running(endpoint);
    this.#sends = this.sends.map((one, index) => (index === over ? { ...one, ended } : one));
    this.#tried = [...this.#tried, endpoint.id];
    this.last = last;
    this.#again = again;
  }

  /** Which of the sends runs to this endpoint. */
  #running({ id }: Endpoint): number {
    return this.sends.findLastIndex(({ endpoint, ended }) => endpoint.id === id && ended === undefined);
  }
}
