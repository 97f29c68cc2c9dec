/**
 * Who is out because of its answers, and until when. The evidence is the detector's (outlier.ts); here are its consequences, and their limits:
 *
 *     evidence ──▶ room under the cap, and somebody left? ──▶ ejected, 30 s times its count ──▶ readmitted when the time is up
 *                              │ no                             │        ▲ bad                  each interval without one: count less 1
 *                              ▼ told, counted as withheld      ▼        │
 *                                                            trials, single calls that can be sent again ──▶ readmitted when as many are
 *                                                                                                            good in a row as were bad
 * Time readmits, and a check that had found it ill and finds it well, and trials: those only after bad answers in a row, of which a few good
 * ones are the opposite, and only the first time, so that one which comes and goes costs no more than its time. No page that was well all the
 * time does, for that is not the service.
 */
import { aboutEndpoint, type AboutEndpoint } from './facts.js';
import { Heap } from './heap.js';
import type { Ejection, Member } from './member.js';
import type { Outcome } from './outcome.js';
import { endRow, isBad, OutlierDetector, type OutlierOptions } from './outlier.js';
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
  /** It was ejected: somebody may want to look at it. */
  readonly putOut: (member: Member, now: number) => void;
  /** It gets calls again, and may not be up to all of its share at once. */
  readonly readmitted: (member: Member, now: number) => void;
}

/** Between two trials, of which the first was bad. */
const restMs = 500;

export class Ejections {
  readonly #parts: EjectionsParts;
  readonly #detector: OutlierDetector;
  readonly #out = new Heap<Ejection>((a, b) => a.until < b.until);
  /** Those of them that trials may end; the one that has waited longest is the first. */
  readonly #tried = new Set<Ejection>();

  constructor(parts: EjectionsParts, now: number) {
    this.#parts = parts;
    this.#detector = new OutlierDetector(parts.options, now);
  }

  /** `onTrial`: of a call that was sent to it as its trial. */
  seen(member: Member, outcome: Outcome, now: number, onTrial: boolean): void {
    const { ejection } = member;
    if (onTrial && ejection?.trial === 'running') this.#judge(ejection, outcome, now);
    const why = this.#detector.seen(member, outcome);
    if (why !== undefined) this.#eject(member, why, now, true);
  }

  /**
   * One that a call which can be sent again may try. `rested`: it may be one that fails; else only one whose last trial was good. `fits`: the
   * call could do with it.
   */
  early(fits: (member: Member) => boolean, now: number, rested: boolean): Member | undefined {
    const [first] = this.#tried;
    if (first === undefined || !this.#parts.enforced.outlier) return undefined;
    const { member, trial, passes, failedAt } = first;
    const isDue = passes > 0 || (rested && now - failedAt >= restMs);
    if (isDue && trial === undefined && !member.eligible && fits(member)) {
      first.trial = 'due';
      return member;
    }
    if (this.#tried.size > 1) {
      this.#tried.delete(first); // behind the others, so that the next call does not meet it again
      this.#tried.add(first);
    }
    return undefined;
  }

  /** When a call that can be sent again may try it; undefined: its time alone ends it. */
  earlyFrom({ ejection, eligible }: Member): number | undefined {
    if (ejection === undefined || eligible || !this.#tried.has(ejection) || !this.#parts.enforced.outlier) return undefined;
    return ejection.passes > 0 ? ejection.failedAt : ejection.failedAt + restMs;
  }

  /** A call to this member starts. True: it is its trial. */
  begin({ ejection }: Member): boolean {
    if (ejection?.trial !== 'due') return false;
    ejection.trial = 'running';
    return true;
  }

  /** Trials may end some of them. */
  get hasTried(): boolean {
    return this.#tried.size > 0;
  }

  /**
   * Readmits those whose time is up, or everybody where ejection was switched off, and compares all of them when an interval is over. A few
   * comparisons as long as nothing is due.
   */
  wake(members: Iterable<Member>, now: number): void {
    const { on } = this.#parts.options;
    for (let due = this.#out.first; due !== undefined && (!on || due.until <= now); due = this.#out.first)
      this.#readmit(due, now, on ? 'its time is over' : 'OUTLIER is off');
    if (!this.#detector.due(now)) return;
    const all = [...members];
    for (const { member, why } of this.#detector.turn(all, now)) this.#eject(member, why, now, false);
  }

  /** The checks have found it ill since, and well again: that is news, and it need not wait for its time. */
  recovered({ ejection }: Member, now: number): void {
    if (ejection !== undefined) this.#readmit(ejection, now, 'its checks find it well again');
  }

  forget({ ejection }: Member): void {
    if (ejection === undefined) return;
    this.#out.remove(ejection);
    this.#tried.delete(ejection);
  }

  #judge(ejection: Ejection, outcome: Outcome, now: number): void {
    ejection.trial = undefined;
    if (outcome.kind === 'ignored') return;
    if (outcome.kind !== 'success' || isBad(outcome.status ?? 200)) {
      ejection.passes = 0;
      ejection.failedAt = now;
    } else if (++ejection.passes >= this.#parts.options.failures)
      this.#readmit(ejection, now, `${ejection.passes} good answers in a row`);
  }

  #eject(member: Member, why: string, now: number, inRow: boolean): void {
    if (member.ejection !== undefined) return;
    const { standings, emit, stats, options, enforced, changed, putOut } = this.#parts;
    const room = Math.max(1, Math.floor((standings.total * options.maxPercent) / 100));
    if (this.#out.size >= Math.min(room, standings.total - 1)) {
      return this.#withhold(member, `${why}, but ${this.#lack(standings.total)}`, now);
    }
    const calmIntervals = Math.floor((now - member.readmittedAt) / options.intervalMs);
    member.timesEjected = Math.max(0, member.timesEjected - calmIntervals) + 1;
    const forMs = Math.min(options.ejectionMs * member.timesEjected, options.maxEjectionMs);
    const silent = member.outpaced > 0;
    endRow(member);
    member.withheld = undefined;
    const { timesEjected: times } = member;
    const ejection: Ejection = {
      ...{ member, since: now, until: now + forMs, why, silent },
      ...{ place: -1, trial: undefined, failedAt: now, passes: 0 },
    };
    member.ejection = ejection;
    this.#out.add(ejection);
    if (inRow && times === 1) this.#tried.add(ejection);
    if (enforced.outlier) stats.ejections++;
    else stats.wouldHave.outlier++;
    emit({ kind: 'endpoint_ejected', ...this.#about(member), why, forMs, times });
    standings.set(member, 'ejected', true);
    putOut(member, now);
    changed();
  }

  /** Why there is no room for one more. */
  #lack(total: number): string {
    if (total === 0) return 'nobody is ejected while the registry names none of them';
    if (this.#out.size >= total - 1) return 'the last one is never ejected';
    return `OUTLIER_MAX (${this.#parts.options.maxPercent} %) lets no more be out`;
  }

  /** Told when it begins, and again only after it has rested: as long as it stays so bad, it is one chapter of the story. */
  #withhold(member: Member, why: string, now: number): void {
    const { emit, stats, options } = this.#parts;
    const isNews = now >= (member.withheld?.until ?? -Infinity);
    stats.ejectionsWithheld++;
    member.withheld = { why, at: now, until: now + options.intervalMs };
    endRow(member);
    if (!isNews) return;
    emit({ kind: 'ejection_withheld', ...this.#about(member), why });
  }

  #readmit(ejection: Ejection, now: number, why: string): void {
    const { member } = ejection;
    const { standings, emit, enforced, changed, readmitted } = this.#parts;
    this.#out.remove(ejection);
    this.#tried.delete(ejection);
    member.ejection = undefined;
    member.readmittedAt = Math.min(ejection.until, now);
    endRow(member);
    emit({ kind: 'endpoint_readmitted', ...this.#about(member), why });
    standings.set(member, 'ejected', false);
    if (enforced.outlier) readmitted(member, now);
    changed();
  }

  #about({ endpoint }: Member): AboutEndpoint {
    return aboutEndpoint(this.#parts.upstream, endpoint, this.#parts.enforced.outlier);
  }
}
