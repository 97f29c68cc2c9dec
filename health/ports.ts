/** What probing asks of the world outside, and what it tells. The agent gives the real ones (agent/system.ts), the tests give fakes. */
export interface Clock {
  /** Monotonic milliseconds. Only differences mean anything. */
  now(): number;
  /** Milliseconds since 1970, for people. */
  wall(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Uniform in [0, 1). */
export type Random = () => number;

export type Emit = (fact: HealthFact) => void;

/** `service` names whose app it is; a call-only sidecar has none and does not probe. */
export type HealthFact =
  | {
      readonly kind: 'probe_ended';
      readonly service: string;
      readonly probe: string;
      readonly result: 'pass' | 'fail' | 'unknown';
      readonly why?: string;
    }
  | { readonly kind: 'verdict_changed'; readonly service: string; readonly up: boolean; readonly why: string }
  /** Unknown for 60 s: nobody can tell how the app is. Told once until a probe can be run again. */
  | { readonly kind: 'probe_blind'; readonly service: string; readonly why: string }
  /** Told once: a sentence that helps the user to set the probe right. */
  | { readonly kind: 'probe_hint'; readonly service: string; readonly hint: string };
