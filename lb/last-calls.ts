/**
 * The last calls that were not plain: more than one attempt, a refusal or failure of ours, a 5xx; and all calls while each is logged. Asked for
 * by their x-request-id, when somebody wants to know what became of one. A plain call costs nothing here, and of the others the last 1,000 are
 * kept.
 */
import { address, type Endpoint } from './endpoint.js';
import { failures, type FailureCode } from './errors.js';

/** One of a hedged call whose answer was not waited for, as another gave one. `later`: which was asked after it. */
export interface GivenUp {
  readonly endpoint: Endpoint;
  readonly later: boolean;
}

export interface EndedCall {
  readonly upstream: { readonly name: string };
  readonly method: string;
  /** As it went to the endpoint. */
  readonly target: string;
  readonly requestId: string;
  readonly attempts: number;
  /** The last one that was asked. */
  readonly endpoint: string | undefined;
  readonly givenUp?: readonly GivenUp[];
  readonly ms: number;
}

/** The status of an endpoint's answer, whole, or the code of what became of the call. */
export type Became = number | FailureCode;

export interface PastAttempt {
  readonly endpoint: Endpoint;
  /** A status, or the code of a failure. */
  readonly became: number | string;
}

export interface PastCall {
  /** Milliseconds since 1970, when it ended. */
  readonly at: number;
  readonly requestId: string;
  readonly upstream: string;
  readonly method: string;
  /** As it went to the endpoint, without its query. */
  readonly target: string;
  /** Those that ended before the one that decided. */
  readonly before: readonly { readonly endpoint: string; readonly became: string }[];
  /** Sends in all; one more than `before` and the last: a hedge was given up. */
  readonly attempts: number;
  readonly endpoint: string | null;
  /** Those whose answer was not waited for, as another gave one; `outrun`: which was asked later and did well, so that it speaks against this one. */
  readonly givenUp: readonly { readonly endpoint: string; readonly outrun: boolean }[];
  readonly status: number;
  /** Of our refusal or of what broke; null: the endpoint's answer, whole. */
  readonly code: string | null;
  readonly ms: number;
}

export const mostPastCalls = 1_000;
const longestTarget = 200;
const nothing: readonly never[] = [];

/** Whether a call is one to remember. */
export const isOdd = (attempts: number, became: Became): boolean => attempts !== 1 || typeof became !== 'number' || became >= 500;

export class LastCalls {
  readonly #wall: () => number;
  readonly #calls: PastCall[] = [];
  #next = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add(
    { upstream, requestId, method, target, attempts, endpoint, givenUp = [], ms }: EndedCall,
    past: readonly PastAttempt[],
    became: Became,
  ): void {
    // each field by itself: with ACCESS_LOG this is made for each call
    const code = typeof became === 'number' ? null : became;
    const query = target.indexOf('?');
    this.#calls[this.#next] = {
      at: this.#wall(),
      requestId,
      upstream: upstream.name,
      method,
      target: (query < 0 ? target : `${target.slice(0, query)}?…`).slice(0, longestTarget),
      before: past.length === 0 ? nothing : past.map((one) => ({ endpoint: address(one.endpoint), became: String(one.became) })),
      attempts,
      endpoint: endpoint ?? null,
      givenUp:
        givenUp.length === 0
          ? nothing
          : givenUp.map((one) => ({
              endpoint: address(one.endpoint),
              outrun: one.later && typeof became === 'number' && became < 400,
            })),
      status: typeof became === 'number' ? became : failures[became].status || 502,
      code,
      ms: Math.round(ms * 10) / 10,
    };
    this.#next = (this.#next + 1) % mostPastCalls;
  }

  /** Newest first: an app may have used an id twice. */
  find(requestId: string): readonly PastCall[] {
    return this.list().filter((call) => call.requestId === requestId);
  }

  /** Newest first. */
  list(): readonly PastCall[] {
    return [...this.#calls.slice(0, this.#next).reverse(), ...this.#calls.slice(this.#next).reverse()];
  }
}
