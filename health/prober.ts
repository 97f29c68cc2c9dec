/**
 * Asks the app how it is, again and again until stopped: the only loop there is, for every kind of probe. What a result means is
 * the verdict's business; here are the pace, the time a probe may take, and what is told.
 *
 * A healthy app is asked every interval. While it is down, or the last result disagrees with the verdict, it is asked every
 * 500 ms, so that a start or a crash is settled in a second or two without a short interval for the quiet hours.
 */
import type { Clock, Emit, Random } from './ports.js';
import { ask, type Probe, type ProbeResult } from './probe.js';
import type { Verdict } from './verdict.js';

export interface Pace {
  /** The longest pause between two probes; jitter only shortens it, by up to a tenth. */
  readonly intervalMs: number;
  /** What one probe may take, from its first packet to the end of the answer. */
  readonly timeoutMs: number;
}

export interface ProberOptions {
  readonly service: string;
  readonly probe: Probe;
  readonly verdict: Verdict;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

export interface ProberView {
  readonly up: boolean;
  /** When the verdict last changed, in ISO 8601; absent while it is the one we started with. */
  readonly since?: string;
  readonly last?: ProbeResult;
  readonly probe: string;
}

const EAGER_MS = 500;
const JITTER = 0.1;
/** Longer than this without any evidence and somebody should look. */
const BLIND_MS = 60_000;

export class Prober {
  readonly #options: ProberOptions;
  readonly #stopping = new AbortController();
  readonly #listeners: ((up: boolean) => void)[] = [];
  #loop: Promise<void> | undefined;
  #since: string | undefined;
  #last: ProbeResult | undefined;
  #hinted = false;
  #unknownSince: number | undefined;
  #blind = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#options.verdict.up;
  }

  /**
   * Begins with a probe at once. `onVerdict` hears every change; down is where it starts, and is not told. Whoever else starts it hears
   * the same from then on: the app is asked no more often.
   */
  start(onVerdict: (up: boolean) => void): void {
    this.#listeners.push(onVerdict);
    this.#loop ??= this.#run();
  }

  /** For all who started it. Gives a running probe up. Nothing is told or called once it was asked for; resolves when the loop has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  view(): ProberView {
    return {
      up: this.up,
      probe: this.#options.probe.name,
      ...(this.#since !== undefined && { since: this.#since }),
      ...(this.#last && { last: this.#last }),
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (;;) {
        const result = await this.#ask(signal);
        signal.throwIfAborted();
        this.#learn(result);
        await this.#options.clock.sleep(this.#pause(), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error; // stopping is the one way out that is no fault
    }
  }

  async #ask(stopping: AbortSignal): Promise<ProbeResult> {
    const { probe, clock, pace } = this.#options;
    const over = new AbortController();
    const end = (): void => over.abort();
    stopping.addEventListener('abort', end, { once: true });
    const began = clock.now();
    try {
      const timeUp = clock.sleep(pace.timeoutMs, over.signal).then(() => this.#tooLate(clock.now() - began));
      return await Promise.race([ask(probe, over.signal), timeUp]);
    } finally {
      stopping.removeEventListener('abort', end);
      over.abort();
    }
  }

  /** Our own process may have stood still (no CPU, SIGSTOP) while the app's answer lay in the socket. */
  #tooLate(tookMs: number): ProbeResult {
    const { probe, pace } = this.#options;
    return tookMs > 2 * pace.timeoutMs
      ? { kind: 'unknown', why: `we stood still: ${Math.round(tookMs)} ms went by in a wait of ${pace.timeoutMs} ms` }
      : { kind: 'fail', why: `${probe.name}: no full answer in ${pace.timeoutMs} ms` };
  }

  #learn(result: ProbeResult): void {
    const { service, probe, verdict, clock, emit } = this.#options;
    this.#last = result;
    const why = result.kind === 'pass' ? {} : { why: result.why };
    emit({ kind: 'probe_ended', service, probe: probe.name, result: result.kind, ...why });
    this.#hint(result);
    this.#look(result);
    const changed = verdict.observe(result);
    if (changed === undefined) return;
    this.#since = new Date(clock.wall()).toISOString();
    emit({ kind: 'verdict_changed', service, up: verdict.up, why: changed });
    for (const listener of this.#listeners) listener(verdict.up);
  }

  #hint(result: ProbeResult): void {
    if (this.#hinted || result.kind !== 'fail' || result.hint === undefined) return;
    this.#hinted = true;
    this.#options.emit({ kind: 'probe_hint', service: this.#options.service, hint: result.hint });
  }

  #look(result: ProbeResult): void {
    if (result.kind !== 'unknown') {
      this.#unknownSince = undefined;
      this.#blind = false;
      return;
    }
    const now = this.#options.clock.now();
    this.#unknownSince ??= now;
    if (this.#blind || now - this.#unknownSince < BLIND_MS) return;
    this.#blind = true;
    this.#options.emit({ kind: 'probe_blind', service: this.#options.service, why: result.why });
  }

  #pause(): number {
    const { verdict, pace, random } = this.#options;
    const eager = !verdict.up || verdict.doubted;
    const longest = eager ? Math.min(EAGER_MS, pace.intervalMs) : pace.intervalMs;
    return longest * (1 - JITTER * random());
  }
}
