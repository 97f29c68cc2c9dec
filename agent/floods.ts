/**
 * Facts that others can multiply: whoever writes nodes makes as many bad ones as he likes, and a service of 5,000 instances that is restarted
 * opens 5,000 circuits. Of each kind and service the first are told as they are; the rest are counted, and told as one fact, soon at first
 * and ever more rarely while it goes on. Metrics do not pass through here: they count every one.
 *
 * A token bucket for each kind and service, so what happens now and then is never left out.
 */
import type { Emit, Fact } from './events.js';
import type { Clock } from './system.js';

type Of<K extends Fact['kind']> = Extract<Fact, { kind: K }>;
type Flood = { readonly [K in Fact['kind']]?: readonly [most: number, about: (fact: Of<K>) => string] };

/** One line for each thing, and many things. */
const EACH = 12;
/** The same again and again. */
const FEW = 3;
/** Lines that people follow a roll-out by. */
const STEPS = 60;

const floods: Flood = {
  znode_ignored: [EACH, ({ service }) => service],
  endpoint_refused: [EACH, ({ upstream }) => upstream],
  name_unresolved: [EACH, () => ''],
  bound_reached: [EACH, ({ bound }) => bound],
  warned: [EACH, ({ why }) => why],
  circuit_opened: [STEPS, ({ upstream }) => upstream],
  circuit_half_opened: [STEPS, ({ upstream }) => upstream],
  doubtful_dropped: [EACH, ({ upstream }) => upstream],
  circuit_closed: [STEPS, ({ upstream }) => upstream],
  endpoint_ejected: [STEPS, ({ upstream }) => upstream],
  ejection_withheld: [EACH, ({ upstream }) => upstream],
  endpoint_readmitted: [STEPS, ({ upstream }) => upstream],
  endpoint_ill: [STEPS, ({ upstream }) => upstream],
  endpoint_well: [STEPS, ({ upstream }) => upstream],
  panic_began: [EACH, ({ upstream }) => upstream],
  panic_ended: [EACH, ({ upstream }) => upstream],
  limit_reached: [EACH, ({ upstream }) => upstream],
  retry_budget_exhausted: [STEPS, ({ upstream }) => upstream],
  endpoints_changed: [STEPS, ({ upstream }) => upstream],
  weights_changed: [STEPS, ({ upstream }) => upstream],
  list_changed: [STEPS, ({ path }) => path],
  announced: [STEPS, ({ service }) => service],
  announce_failed: [FEW, ({ service }) => service],
  announcement_lost: [STEPS, ({ service }) => service],
  session_changed: [STEPS, () => ''],
  session_trouble: [STEPS, () => ''],
};

/** What comes at this pace is never left out. */
const REFILL_MS = 30_000;
const FIRST_SUMMARY_MS = 5_000;
const LONGEST_SUMMARY_MS = 300_000;
/** Kinds times services; what comes beyond shares one bucket for each kind. */
const MOST_BUCKETS = 4_096;

interface Bucket {
  readonly most: number;
  tokens: number;
  at: number;
  leftOut: number;
  pauseMs: number;
}

export class Floods {
  readonly #tell: Emit;
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #buckets = new Map<string, Bucket>();
  /** Summaries that are to come. */
  readonly #pending = new Set<() => void>();
  #sweptAt = -Infinity;

  constructor(tell: Emit, clock: Pick<Clock, 'now' | 'after'>) {
    this.#tell = tell;
    this.#clock = clock;
  }

  /** Tells the fact, or counts it. */
  emit(fact: Fact): void {
    const flood = floods[fact.kind] as readonly [number, (fact: Fact) => string] | undefined;
    if (!flood) return this.#tell(fact);
    const [most, about] = flood;
    const subject = about(fact);
    const bucket = this.#bucket(fact.kind, subject, most);
    this.#refill(bucket);
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return this.#tell(fact);
    }
    if (++bucket.leftOut === 1) this.#summarize(bucket, fact.kind, subject);
  }

  /** Tells what was left out so far: nobody could later. */
  flush(): void {
    for (const tell of [...this.#pending]) tell();
  }

  #summarize(bucket: Bucket, of: Fact['kind'], about: string): void {
    const tell = (): void => {
      stop();
      this.#pending.delete(tell);
      this.#tell({ kind: 'left_out', of, about, count: bucket.leftOut });
      bucket.leftOut = 0;
    };
    const stop = this.#clock.after(bucket.pauseMs, tell);
    this.#pending.add(tell);
    bucket.pauseMs = Math.min(2 * bucket.pauseMs, LONGEST_SUMMARY_MS);
  }

  #bucket(kind: Fact['kind'], about: string, most: number): Bucket {
    const key = `${kind} ${about}`;
    const known = this.#buckets.get(key);
    if (known) return known;
    if (this.#buckets.size >= MOST_BUCKETS) this.#sweep();
    const place = this.#buckets.size >= MOST_BUCKETS ? kind : key;
    const bucket = this.#buckets.get(place) ?? {
      ...{ most, tokens: most, at: this.#clock.now(), leftOut: 0, pauseMs: FIRST_SUMMARY_MS },
    };
    this.#buckets.set(place, bucket);
    return bucket;
  }

  #refill(bucket: Bucket): void {
    const now = this.#clock.now();
    bucket.tokens = Math.min(bucket.most, bucket.tokens + (now - bucket.at) / REFILL_MS);
    bucket.at = now;
    if (bucket.tokens === bucket.most) bucket.pauseMs = FIRST_SUMMARY_MS;
  }

  /** Not at every turn: it looks at all of them. */
  #sweep(): void {
    const now = this.#clock.now();
    if (now - this.#sweptAt < REFILL_MS) return;
    this.#sweptAt = now;
    for (const [key, bucket] of this.#buckets) {
      this.#refill(bucket);
      if (bucket.tokens === bucket.most && bucket.leftOut === 0) this.#buckets.delete(key);
    }
  }
}
