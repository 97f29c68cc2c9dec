/** What Prometheus is told of the webhook: a handful of series, written in its text format. */
import type { Result } from './review.js';

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const RESULTS: readonly Result[] = ['injected', 'left', 'refused', 'failed'];

export class Tally {
  readonly #results = new Map<Result, number>(RESULTS.map((result) => [result, 0]));
  readonly #rejected = new Map<number, number>();
  readonly #buckets = BOUNDS.map(() => 0);
  #evicted = 0;
  #sum = 0;
  #count = 0;
  #expiresMs: number | undefined;

  reviewed(result: Result, seconds: number): void {
    this.#results.set(result, this.#results.get(result)! + 1);
    BOUNDS.forEach((bound, index) => (this.#buckets[index]! += seconds <= bound ? 1 : 0));
    this.#sum += seconds;
    this.#count++;
  }

  /** A request that was no question: answered with that status. */
  rejected(status: number): void {
    this.#rejected.set(status, (this.#rejected.get(status) ?? 0) + 1);
  }

  /** A connection had to go, so that another could come. */
  evicted(): void {
    this.#evicted++;
  }

  certified(expiresMs: number): void {
    this.#expiresMs = expiresMs;
  }

  text(): string {
    const duration = 'zidecar_webhook_review_duration_seconds';
    return [
      ...family('zidecar_webhook_reviews_total', 'counter', 'Pods that were asked about, by what became of them.'),
      ...[...this.#results].map(([result, count]) => `zidecar_webhook_reviews_total{result="${result}"} ${count}`),
      ...family('zidecar_webhook_rejected_total', 'counter', 'Requests that were no question, by status.'),
      ...[...this.#rejected].map(([status, count]) => `zidecar_webhook_rejected_total{code="${status}"} ${count}`),
      ...family(
        'zidecar_webhook_connections_evicted_total',
        'counter',
        'Connections closed at the bound, the longest idle first.',
      ),
      `zidecar_webhook_connections_evicted_total ${this.#evicted}`,
      ...family(duration, 'histogram', 'From the last byte of a question to its answer.'),
      ...BOUNDS.map((bound, index) => `${duration}_bucket{le="${bound}"} ${this.#buckets[index]!}`),
      `${duration}_bucket{le="+Inf"} ${this.#count}`,
      `${duration}_sum ${this.#sum}`,
      `${duration}_count ${this.#count}`,
      ...(this.#expiresMs === undefined
        ? []
        : [
            ...family(
              'zidecar_webhook_certificate_expiry_seconds',
              'gauge',
              'When the certificate in use ends, in seconds since 1970.',
            ),
            `zidecar_webhook_certificate_expiry_seconds ${this.#expiresMs / 1000}`,
          ]),
      '',
    ].join('\n');
  }
}

const family = (name: string, type: string, help: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];
