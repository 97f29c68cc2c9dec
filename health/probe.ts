export type ProbeResult =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly why: string; readonly hint?: string }
  /** The probe itself could not be run. That is our trouble and says nothing about the app. */
  | { readonly kind: 'unknown'; readonly why: string };

/** One way to ask the app how it is. Asks once; the loop, the timeout and the counting are not its business. */
export interface Probe {
  readonly name: string;
  /** Settles soon after `signal` is aborted and leaves no socket behind; what it answers from then on is not looked at. */
  check(signal: AbortSignal): Promise<ProbeResult>;
}

/** Asks, and takes a probe that throws for one that could not be run. */
export async function ask(probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
  try {
    return await probe.check(signal);
  } catch (error) {
    return { kind: 'unknown', why: `the probe ${probe.name} broke: ${error instanceof Error ? error.message : String(error)}` };
  }
}
