export type ProbeResult =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly why: string; readonly hint?: string }
  /** The probe itself could not be run. That is our trouble and says nothing about the app. */
  | { readonly kind: 'unknown'; readonly why: string };

/** One way to ask the app how it is. Asks once; the loop, the timeout and the counting are not its business. */
export interface Probe {
  readonly name: string;
  check(signal: AbortSignal): Promise<ProbeResult>;
}
