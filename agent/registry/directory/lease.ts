/**
 * When a session of somebody else is over: its process is known to have ended, or its lease was seen unchanged for its whole timeout.
 *
 * The span is measured by this process's own monotonic clock, between its own looks. No two clocks are compared: a step of the wall
 * clock, a laptop that slept, or a server of files with a time of its own ends nobody's session. And only what was watched counts: after
 * a time in which we could not look (the folder was away, this process was frozen) the owners may have been unable to renew, so all of
 * them have their whole timeout again. The price is that a lease which was dead before we came is believed at first. Its age by the file
 * system's time (against our own lease, touched there) shortens that, but to no less than half of the timeout, in which a living owner
 * renews at least once.
 */
export interface Lease {
  readonly id: string;
  /** Differs after each renewal. */
  readonly mark: string;
  readonly timeoutMs: number;
  /** How much older it is than a lease known to be fresh, in milliseconds. */
  readonly behindMs: number;
  /** Its process is known to have ended. */
  readonly isDead?: boolean;
}

export class Leases {
  readonly #seen = new Map<string, { readonly mark: string; readonly since: number }>();
  readonly #beatMs: number;
  #lookedAt = -Infinity;

  /** `beatMs`: the usual time between two looks. */
  constructor(beatMs: number) {
    this.#beatMs = beatMs;
  }

  /** Told what one look at all the leases found, at `now`; answers with those that are dead. Forgets whoever is not among them. */
  look(leases: readonly Lease[], now: number): readonly Lease[] {
    const unwatchedMs = now - this.#lookedAt;
    this.#lookedAt = now;
    const present = new Set(leases.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!present.has(id)) this.#seen.delete(id);
    return leases.filter((lease) => this.#isDead(lease, now, unwatchedMs));
  }

  /** A look failed, since the tree was away: then nobody could renew either, and all have their whole timeout again. */
  missed(): void {
    this.#lookedAt = -Infinity;
  }

  #isDead({ id, mark, timeoutMs, behindMs, isDead = false }: Lease, now: number, unwatchedMs: number): boolean {
    if (isDead) return true;
    const last = this.#seen.get(id);
    const wasWatched = unwatchedMs <= Math.max(timeoutMs / 3, 1.5 * this.#beatMs);
    if (last?.mark === mark && wasWatched) return now - last.since > timeoutMs;
    const credit = last ? 0 : Math.min(Math.max(behindMs, 0), timeoutMs / 2);
    this.#seen.set(id, { mark, since: now - credit });
    return false;
  }
}
