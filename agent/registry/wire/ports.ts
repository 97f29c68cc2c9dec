/** What the client asks of the world outside. Its user hands in the real ones, a test hands in fakes; nothing here reads a clock by itself. */

export interface Clock {
  /** Monotonic milliseconds. Only differences mean anything. */
  now(): number;
  /** Runs once after `ms`, unless the returned function is called first. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
  /** Runs once at the end of this turn of the event loop, before anything more is read; where there is none, `after(0)` has to do. */
  turnEnds?(run: () => void): void;
  /** Resolves after `ms`; rejects when the signal is aborted first. Keeps the process alive meanwhile. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1). */
export type Random = () => number;
