/**
 * What the data path asks of the world outside. The agent gives the real ones (agent/system.ts), the tests give fakes;
 * nothing else in lb/ reads a clock, draws a number or writes a line of log.
 */
import type { LbFact } from './facts.js';

export interface Clock {
  /** Monotonic milliseconds. Only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970. Only to show a person, or to compare with what others wrote. */
  wall(): number;
  /**
   * Runs once after `ms`, unless the returned function is called first; what had come from the network by then was read before. Does not keep
   * the process alive.
   */
  after(ms: number, run: () => void): () => void;
  /** Runs every `ms` until the returned function is called. Does not keep the process alive. */
  every(ms: number, run: () => void): () => void;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** Told of every fact worth knowing, in the past tense. Must not throw and must not wait. */
export type Emit = (fact: LbFact) => void;
