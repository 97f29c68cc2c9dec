/**
 * Decides from probe results whether the app is up. It knows nothing of time, probes or what follows from the verdict.
 *
 *            `rise` passes in a row
 *   down ─────────────────────────────▶ up
 *    ▲                                  │
 *    └──────────────────────────────────┘
 *            `fall` fails in a row
 *
 * One result the other way starts the count again. `unknown` is no evidence: it neither counts nor starts the count again,
 * so a moment without file descriptors cannot hide an app that fails before it and after it.
 */
import type { ProbeResult } from './probe.js';

export interface VerdictOptions {
  /** Passes in a row that bring it up, fails in a row that bring it down; at least 1 each. */
  readonly rise: number;
  readonly fall: number;
}

export class Verdict {
  readonly #options: VerdictOptions;
  #up = false; // nothing is announced before it has been seen to work
  #against = 0;

  constructor(options: VerdictOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  /** The last evidence disagrees with the verdict: it may be about to change. */
  get doubted(): boolean {
    return this.#against > 0;
  }

  /** Why the verdict changed with this result; undefined when it stands. */
  observe(result: ProbeResult): string | undefined {
    if (result.kind === 'unknown') return undefined;
    this.#against = (result.kind === 'pass') === this.#up ? 0 : this.#against + 1;
    const seen = this.#against;
    if (seen < (this.#up ? this.#options.fall : this.#options.rise)) return undefined;
    this.#up = !this.#up;
    this.#against = 0;
    const times = seen === 1 ? 'once' : `${seen} times in a row`;
    return result.kind === 'pass' ? `passed ${times}` : `failed ${times}, the last: ${result.why}`;
  }
}
