/**
 * What one call has tried so far: whom it has asked, how much of it was written, and the failure that stands if nobody else can be asked. Kept
 * by both lanes and read by the deciders; it decides nothing itself. One serves all calls of a connection, one after the other.
 */
import type { Ask } from './balancer.js';
import type { Endpoint } from './endpoint.js';
import type { FailureCode } from './errors.js';
import type { GivenUp, PastAttempt } from './last-calls.js';
import type { Refused } from './refusal.js';
import type { Subset } from './subset.js';

export interface FailedTry extends Refused {
  readonly sent: 'nothing' | 'some' | 'all';
  /** It went over a connection that had been used before: which was dead, perhaps, not the endpoint. */
  readonly kept: boolean;
}

const nobody: readonly string[] = [];
const none: readonly PastAttempt[] = [];
const toNobody: readonly Endpoint[] = [];

export class Tries {
  /** Sends, the ones that run included. */
  count = 0;
  /** Those of which something, or nothing, was written, as far as they have ended. */
  written = 0;
  unsent = 0;
  /** The endpoint that was asked last. */
  asked: Endpoint | undefined;
  /** It could be sent again if the next send failed. */
  repeatable = false;
  /** If the next send is slow, there will be another beside it. */
  hedged = false;
  /** Why the last one that failed did. */
  last: Refused | undefined;
  /** What became of those that have ended, as far as it did not decide the call. */
  past: readonly PastAttempt[] = none;
  /** Whom it was sent to, from the second send on. */
  #sends: readonly Endpoint[] = toNobody;
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
    this.past = none;
    this.#sends = toNobody;
    this.#tried = nobody;
    this.#again = false;
  }

  sent(endpoint: Endpoint): void {
    if (this.count > 0) this.#sends = this.count === 1 ? [this.asked!, endpoint] : [...this.#sends, endpoint];
    this.count++;
    this.asked = endpoint;
  }

  get givenUp(): readonly GivenUp[] {
    const { asked } = this;
    if (asked === undefined || this.#sends.length <= this.past.length) return [];
    const ended = new Set([asked.id, ...this.past.map(({ endpoint }) => endpoint.id)]);
    const last = this.#sends.lastIndexOf(asked);
    return this.#sends.flatMap((endpoint, index) => (ended.has(endpoint.id) ? [] : { endpoint, later: index < last }));
  }

  failed(endpoint: Endpoint, { code, message, sent, kept }: FailedTry): void {
    if (sent === 'nothing') this.unsent++;
    else this.written++;
    this.#over(endpoint, code, { code, message }, this.written === 0 || (kept && code === 'reset'));
  }

  /** It has answered, and yet another endpoint is to be asked. `message`: what the app is told if that answer is lost as well. */
  answered(endpoint: Endpoint, status: number, message: string): void {
    this.written++;
    this.#over(endpoint, status, { code: 'reset' satisfies FailureCode, message }, false);
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

  #over(endpoint: Endpoint, became: PastAttempt['became'], last: Refused, again: boolean): void {
    this.past = [...this.past, { endpoint, became }];
    this.#tried = [...this.#tried, endpoint.id];
    this.last = last;
    this.#again = again;
  }
}
