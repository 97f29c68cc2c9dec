/**
 * The last calls that were not plain: more than one attempt, a refusal or failure of ours, a 5xx; and all calls while each is logged. Asked for
 * by their x-request-id, when somebody wants to know what became of one. A plain call costs nothing here, and of the others the last 1,000 are
 * kept.
 */
import { address, type Endpoint } from './endpoint.js';
import { failures, type FailureCode } from './errors.js';

/**
 * A status, the code of a failure, or of a send whose answer was not waited for, as another came first: from who was asked later, and did
 * well, so that it speaks against this one (`outpaced`), or not.
 */
export type SendBecame = Became | 'given_up' | 'outpaced';

export interface Send {
  readonly endpoint: Endpoint;
  /** By the clock of the calls, as are all times here. */
  readonly at: number;
  /** Undefined: it runs for as long as its call, and is what that becomes. */
  readonly ended: { readonly at: number; readonly became: SendBecame } | undefined;
}

export interface EndedCall {
  readonly upstream: { readonly name: string };
  readonly method: string;
  /** As it went to the endpoint. */
  readonly target: string;
  readonly requestId: string;
  readonly began: number;
  readonly ms: number;
}

export interface Tried {
  readonly attempts: number;
  /** The last one that was asked. */
  readonly endpoint: string | undefined;
  readonly sends: readonly Send[];
}

/** The status of an endpoint's answer, whole, or the code of what became of the call. */
export type Became = number | FailureCode;

export interface PastSend {
  readonly endpoint: string;
  /** So long after the call. */
  readonly startMs: number;
  /** How long all had been over before it: the back-off. */
  readonly pauseMs: number;
  /** Until it failed or was given up, until the head of an answer that was not passed on at once, or to the end of the call. */
  readonly ms: number;
  readonly became: string;
}

export interface PastCall {
  /** Milliseconds since 1970, when it ended. */
  readonly at: number;
  readonly requestId: string;
  readonly upstream: string;
  readonly method: string;
  /** As it went to the endpoint, without its query. */
  readonly target: string;
  readonly attempts: number;
  readonly endpoint: string | null;
  readonly sends: readonly PastSend[];
  readonly status: number;
  /** Of our refusal or of what broke; null: the endpoint's answer, whole. */
  readonly code: string | null;
  readonly ms: number;
}

/** As it is kept: `sends` become what they are told as when somebody asks. */
interface Kept extends Omit<PastCall, 'sends'>, Pick<Tried, 'sends'>, Pick<EndedCall, 'began'> {}

export const mostPastCalls = 1_000;
const longestTarget = 200;

/** Whether a call is one to remember. */
export const isOdd = (attempts: number, became: Became): boolean => attempts !== 1 || typeof became !== 'number' || became >= 500;

export class LastCalls {
  readonly #wall: () => number;
  readonly #calls: Kept[] = [];
  #next = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  add({ upstream, requestId, method, target, began, ms }: EndedCall, { attempts, endpoint, sends }: Tried, became: Became): void {
    // each field by itself: with ACCESS_LOG this is made for each call
    const code = typeof became === 'number' ? null : became;
    const query = target.indexOf('?');
    this.#calls[this.#next] = {
      at: this.#wall(),
      requestId,
      upstream: upstream.name,
      method,
      target: (query < 0 ? target : `${target.slice(0, query)}?…`).slice(0, longestTarget),
      attempts,
      endpoint: endpoint ?? null,
      sends,
      began,
      status: typeof became === 'number' ? became : failures[became].status || 502,
      code,
      ms,
    };
    this.#next = (this.#next + 1) % mostPastCalls;
  }

  /** Newest first: an app may have used an id twice. */
  find(requestId: string): readonly PastCall[] {
    return this.#newestFirst()
      .filter((call) => call.requestId === requestId)
      .map(told);
  }

  /** Newest first. */
  list(): readonly PastCall[] {
    return this.#newestFirst().map(told);
  }

  #newestFirst(): readonly Kept[] {
    return [...this.#calls.slice(0, this.#next).reverse(), ...this.#calls.slice(this.#next).reverse()];
  }
}

const told = ({ sends, began, ...call }: Kept): PastCall => ({
  ...call,
  ms: tenths(call.ms),
  sends: sends.map((_, index) => pastSend({ sends, began, ...call }, index)),
});

function pastSend({ sends, began, ms, code, status }: Kept, index: number): PastSend {
  const { endpoint, at, ended = { at: began + ms, became: code ?? status } } = sends[index]!;
  const free = sends.slice(0, index).reduce((latest, before) => Math.max(latest, before.ended?.at ?? Infinity), 0);
  return {
    endpoint: address(endpoint),
    startMs: tenths(at - began),
    pauseMs: index === 0 ? 0 : tenths(Math.max(0, at - free)),
    ms: tenths(ended.at - at),
    became: String(ended.became),
  };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
