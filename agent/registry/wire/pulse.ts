/**
 * When to say something to a server so that our session lives, and when to leave one that says nothing. Pings go as the Java client's do:
 * after half of two thirds of the timeout without a word of ours, a second earlier where that is long, and every 10 s at least. A server
 * that is silent for two thirds of the timeout is left; one that leaves a question unanswered and says nothing meanwhile, sooner.
 */
const LONGEST_REST_MS = 10_000;
const SPARE_MS = 1_000;
/** A collection of garbage or a slow disk takes a second or two. */
const LEAST_PATIENCE_MS = 2_000;

export type Beat = { readonly do: 'ping' | 'leave' } | { readonly do: 'wait'; readonly ms: number };

export class Pulse {
  /** Without a word of ours. */
  readonly restMs: number;
  /** Without a word of theirs. */
  readonly silenceMs: number;
  /** Without a word of theirs while something is out. */
  readonly patienceMs: number;
  #sentAt: number;
  #heardAt: number;

  constructor(timeoutMs: number, now: number) {
    this.silenceMs = (timeoutMs * 2) / 3;
    const half = this.silenceMs / 2;
    this.restMs = Math.min(LONGEST_REST_MS, half <= SPARE_MS ? half : Math.max(SPARE_MS, half - SPARE_MS));
    this.patienceMs = Math.min(this.silenceMs, Math.max(LEAST_PATIENCE_MS, timeoutMs / 4));
    this.#sentAt = this.#heardAt = now;
  }

  sent(now: number): void {
    this.#sentAt = now;
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  /** `askedAt`: when the oldest question without an answer was asked. */
  next(now: number, askedAt: number | undefined): Beat {
    const leaveAt = Math.min(
      this.#heardAt + this.silenceMs,
      askedAt === undefined ? Infinity : Math.max(askedAt, this.#heardAt) + this.patienceMs,
    );
    if (now >= leaveAt) return { do: 'leave' };
    const pingAt = this.#sentAt + this.restMs;
    if (now >= pingAt) return { do: 'ping' };
    return { do: 'wait', ms: Math.min(leaveAt, pingAt) - now };
  }
}
