/**
 * Whether `/ready` says yes: outbound accepts, and each named peer has a list, be it empty, or has been waited for long enough. Neither the
 * app's verdict nor the session has a say: a lost ZooKeeper would take every pod out of service at once.
 */
export interface Standing {
  readonly outboundOpen: boolean;
  readonly closing: boolean;
  /** Named peers without a list. */
  readonly waitingFor: readonly string[];
  readonly waitedMs: number;
  /** Undefined: as long as it takes. */
  readonly startWaitMs: number | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  /** One sentence, either way. */
  readonly why: string;
}

export function readiness({ outboundOpen, closing, waitingFor, waitedMs, startWaitMs }: Standing): Readiness {
  if (closing) return { ready: false, why: 'closing' };
  if (!outboundOpen) return { ready: false, why: 'starting' };
  if (waitingFor.length === 0) return { ready: true, why: 'ready' };
  const names = waitingFor.slice(0, 5).join(', ') + (waitingFor.length > 5 ? ' and more' : '');
  if (startWaitMs !== undefined && waitedMs >= startWaitMs) return { ready: true, why: `ready, without a list of ${names} yet` };
  return { ready: false, why: `waiting for the first list of ${names}` };
}
