/**
 * When to say something to a server so that our session lives, and when to leave one that says nothing. Pings go as the Java client's do:
 * after half of two thirds of the timeout without a word of ours, a second earlier where that is long, and every 10 s at least. A server
 * that is silent for two thirds of the timeout is left; one that leaves a question unanswered and says nothing meanwhile, for a quarter. After
 * a tenth it is doubted, once, and left if another server answers in its place: a server that rests is not left for nothing, and a
 * network that rests is not mistaken for a server. One that speaks and answers nothing is left too: for the whole timeout no question was answered
 * though one is out (64 KiB of a long answer count as one), or none about our session for two thirds of it while that is not confirmed yet. A long
 * question takes its time until the server has it, and that is none of the quarter and of the tenth.
 *
 *     heard ──a question is out──▶ unanswered ──a tenth──▶ doubted ──a quarter──▶ left
 *       ▲                              │                      │  ▲
 *       └────────── heard ─────────────┴──────────────────────┘  └── at once when another server answers
 */
import type { Asked } from './requests.js';

const LONGEST_REST_MS = 10_000;
const SPARE_MS = 1_000;
/** A collection of garbage or a slow disk takes a second or two. */
const LEAST_PATIENCE_MS = 2_000;

/** Nor is anybody asked about a rest that short. */
const LEAST_TRUST_MS = 750;

/**
 * What the slowest line that is waited for carries in a timeout. Of one answer: the longest of 16 MiB so takes 256 timeouts at the most, and one
 * that comes drop by drop is not waited for. Of a question: it has so much more time until the server can have it.
 */
const PART_BYTES = 64 * 1024;

export type Beat =
  | { readonly do: 'ping' | 'doubt' }
  /** `why`: to follow the server's name. */
  | { readonly do: 'leave'; readonly why: string }
  | { readonly do: 'wait'; readonly ms: number };

export class Pulse {
  /** Without a word of ours. */
  readonly restMs: number;
  /** Without a word of theirs. */
  readonly silenceMs: number;
  /** Without a word of theirs while something is out. */
  readonly patienceMs: number;
  /** The same, and then another server may be in its place. */
  readonly trustMs: number;
  readonly #timeoutMs: number;
  /** When it was last heard, as far as it was doubted since. */
  #doubtedAt = -1;
  #sentAt: number;
  #heardAt: number;
  /** A question; before any was, the greeting. */
  #answeredAt: number;
  /** Bytes of the answer that is on its way, as far as they counted. */
  #gathered = 0;

  constructor(timeoutMs: number, now: number) {
    this.#timeoutMs = timeoutMs;
    this.silenceMs = (timeoutMs * 2) / 3;
    const half = this.silenceMs / 2;
    this.restMs = Math.min(LONGEST_REST_MS, half <= SPARE_MS ? half : Math.max(SPARE_MS, half - SPARE_MS));
    this.patienceMs = Math.min(this.silenceMs, Math.max(LEAST_PATIENCE_MS, timeoutMs / 4));
    this.trustMs = Math.min(this.patienceMs, Math.max(LEAST_TRUST_MS, timeoutMs / 10));
    this.#sentAt = this.#heardAt = this.#answeredAt = now;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  sent(now: number): void {
    this.#sentAt = now;
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Some question was; a ping is none. */
  answered(now: number): void {
    this.#answeredAt = now;
    this.#gathered = 0;
  }

  /** So many bytes of an answer have come, and more are to. */
  gathered(bytes: number, now: number): void {
    if (bytes - this.#gathered < PART_BYTES) return;
    this.#gathered = bytes;
    this.#answeredAt = now;
  }

  /** `asked`: the oldest question without an answer. `isUp`: the server has confirmed our session. */
  next(now: number, asked: Asked | undefined, isUp = true): Beat {
    const waitsFrom = asked ? Math.max(asked.sentAt, this.#heardAt) + (asked.size / PART_BYTES) * this.#timeoutMs : Infinity;
    const silentAt = Math.min(this.#heardAt + this.silenceMs, waitsFrom + this.patienceMs);
    const longestMs = isUp ? this.#timeoutMs : this.silenceMs;
    const leaveAt = Math.min(silentAt, asked ? Math.max(asked.sentAt, this.#answeredAt) + longestMs : Infinity);
    if (now >= leaveAt) return { do: 'leave', why: this.#why(now >= silentAt, asked?.size ?? 0, isUp) };
    const doubtAt = this.#doubtedAt === this.#heardAt ? Infinity : waitsFrom + this.trustMs;
    if (now >= doubtAt) {
      this.#doubtedAt = this.#heardAt;
      return { do: 'doubt' };
    }
    const pingAt = this.#sentAt + this.restMs;
    if (now >= pingAt) return { do: 'ping' };
    return { do: 'wait', ms: Math.min(leaveAt, doubtAt, pingAt) - now };
  }

  /** `size`: of the oldest question. */
  #why(isSilent: boolean, size: number, isUp: boolean): string {
    if (!isUp) return 'does not confirm our session in time';
    if (!isSilent) return 'speaks, and does not answer what it was asked';
    const why = 'is silent: it does not answer in time';
    if (size < PART_BYTES) return why;
    return `${why}, maybe since a line has to carry ${Math.ceil(size / this.silenceMs)} kB/s for a question of ${size} bytes: it is heard when all of it has come`;
  }
}
