/** What is acted on; the rest is only written down (shadow mode). */
export interface Enforced {
  readonly circuit: boolean;
  readonly outlier: boolean;
  readonly checks: boolean;
  readonly limits: boolean;
}

export const allEnforced: Enforced = { circuit: true, outlier: true, checks: true, limits: true };
