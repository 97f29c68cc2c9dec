/**
 * Who is out because of its answers, and until when. The evidence is the detector's (outlier.ts); here are its consequences, and their limits:
 *
 *     evidence ──▶ room under the cap, and somebody left? ──▶ ejected, 30 s times its count ──▶ readmitted when the time is up
 *                              │ no                                                             each interval without one: count less 1
 *                              ▼ counted as withheld
 *
 * Time readmits, and a check that had found it ill and finds it well. No page that was well all the time does, for that is not the service; and
 * a good answer from one that gets no calls cannot come.
 */
import { address } from './endpoint.js';
import { Heap } from './heap.js';
import type { Ejection, Member } from './member.js';
import type { Outcome } from './outcome.js';
import { OutlierDetector, type OutlierOptions } from './outlier.js';
import type { Emit } from './ports.js';
import type { Enforced } from './enforced.js';
import type { Standings } from './standing.js';
import type { UpstreamStats } from './stats.js';

export interface EjectionsParts {
  readonly upstream: string;
  readonly standings: Standings;
  readonly emit: Emit;
  readonly stats: UpstreamStats;
  readonly options: OutlierOptions;
  readonly enforced: Enforced;
  /** Told after somebody was ejected or readmitted. */
  readonly changed: () => void;
  /** It gets calls again, and may not be up to all of its share at once. */
  readonly readmitted: (member: Member, now: number) => void;
}

export class Ejections {
  readonly #parts: EjectionsParts;
  readonly #detector: OutlierDetector;
  readonly #out = new Heap<Ejection>((a, b) => a.until < b.until);

  constructor(parts: EjectionsParts, now: number) {
    this.#parts = parts;
    this.#detector = new OutlierDetector(parts.options, now);
  }

  seen(member: Member, outcome: Outcome, now: number): void {
    const why = this.#detector.seen(member.answers, outcome);
    if (why !== undefined) this.#eject(member, why, now);
  }

  /**
   * Readmits those whose time is up, or everybody where ejection was switched off, and compares all of them when an interval is over. A few
   * comparisons as long as nothing is due.
   */
  wake(members: ReadonlyMap<string, Member>, now: number): void {
    const { on } = this.#parts.options;
    for (let due = this.#out.first; due !== undefined && (!on || due.until <= now); due = this.#out.first)
      this.#readmit(due, now);
    if (!this.#detector.due(now)) return;
    const all = [...members.values()];
    for (const { member, why } of this.#detector.turn(all, now)) this.#eject(member, why, now);
  }

  /** The checks have found it ill since, and well again: that is news, and it need not wait for its time. */
  recovered({ ejection }: Member, now: number): void {
    if (ejection !== undefined) this.#readmit(ejection, now);
  }

  forget({ ejection }: Member): void {
    if (ejection !== undefined) this.#out.remove(ejection);
  }

  #eject(member: Member, why: string, now: number): void {
    if (member.ejection !== undefined) return;
    const { upstream, standings, emit, stats, options, enforced, changed } = this.#parts;
    const room = Math.max(1, Math.floor((standings.total * options.maxPercent) / 100));
    if (this.#out.size >= Math.min(room, standings.total - 1)) {
      stats.ejectionsWithheld++;
      member.withheld = { why, until: now + options.intervalMs };
      return member.answers.good();
    }
    const calmIntervals = Math.floor((now - member.readmittedAt) / options.intervalMs);
    member.timesEjected = Math.max(0, member.timesEjected - calmIntervals) + 1;
    const forMs = Math.min(options.ejectionMs * member.timesEjected, options.maxEjectionMs);
    member.answers.good();
    member.withheld = undefined;
    member.ejection = { member, until: now + forMs, why, place: -1 };
    this.#out.add(member.ejection);
    if (enforced.outlier) stats.ejections++;
    else stats.wouldHave.outlier++;
    const about = { upstream, endpoint: address(member.endpoint), why, forMs, times: member.timesEjected };
    emit({ kind: 'endpoint_ejected', ...about, ...(!enforced.outlier && { shadow: true }) });
    standings.set(member, 'ejected', true);
    changed();
  }

  #readmit(ejection: Ejection, now: number): void {
    const { member } = ejection;
    const { upstream, standings, emit, enforced, changed, readmitted } = this.#parts;
    this.#out.remove(ejection);
    member.ejection = undefined;
    member.readmittedAt = Math.min(ejection.until, now);
    member.answers.good();
    emit({
      kind: 'endpoint_readmitted',
      upstream,
      endpoint: address(member.endpoint),
      ...(!enforced.outlier && { shadow: true }),
    });
    standings.set(member, 'ejected', false);
    if (enforced.outlier) readmitted(member, now);
    changed();
  }
}
