/**
 * Where evidence about an upstream's endpoints goes, and who draws which conclusion from it. The table of who may put an endpoint out and
 * who may let it in again is in README.md; each of the parts knows its own column only, and all of them meet in the standings.
 *
 *     a call's outcome ──▶ circuits.ts    absolute: it cannot be reached, breaks off, is too slow ──▶ fact ──┐
 *                     └──▶ ejections.ts   relative: it answers worse than its peers ──▶ opinion ──────────────┼▶ standing.ts ──▶ balancer
 *     a check's ─────────▶ checks.ts      what its own health page says ──▶ opinion ──────────────────────────┘
 */
import type { Ask, Balancer } from './balancer.js';
import { defaultBreaker, type BreakerOptions } from './breaker.js';
import { Checks, type CheckOptions } from './checks.js';
import { Circuits } from './circuits.js';
import { Ejections } from './ejections.js';
import type { Endpoint } from './endpoint.js';
import type { Member } from './member.js';
import type { Outcome } from './outcome.js';
import { defaultOutlier, type OutlierOptions } from './outlier.js';
import type { Emit, Random } from './ports.js';
import { allEnforced, type Enforced } from './enforced.js';
import { defaultPanic, type PanicOptions } from './panic.js';
import { Standings } from './standing.js';
import type { UpstreamStats } from './stats.js';

export interface EvidenceOptions {
  readonly breaker?: BreakerOptions | undefined;
  readonly outlier?: OutlierOptions | undefined;
  /** Endpoints are asked how they are. */
  readonly check?: CheckOptions | undefined;
  /** Below this share of well endpoints opinions about them are pardoned. Default 50. */
  readonly panic?: PanicOptions | undefined;
  /** What is acted on; the rest is counted and told. Default: all. */
  readonly enforced?: Enforced | undefined;
  /** A connect to an endpoint has failed, and somebody should try another one soon. */
  readonly suspected?: (() => void) | undefined;
}

export interface EvidenceParts extends EvidenceOptions {
  readonly upstream: string;
  readonly balancer: Balancer;
  readonly random: Random;
  readonly emit: Emit;
  readonly stats: UpstreamStats;
  /** An endpoint gets calls again after its ejection. */
  readonly readmitted: (member: Member, now: number) => void;
  /** Told after somebody has gone out or come in. */
  readonly changed: () => void;
}

const nothing = (): void => undefined;
const callsPerEarlyTrial = 100;
const sameCheck = (a: CheckOptions, b: CheckOptions): boolean =>
  (['path', 'intervalMs', 'timeoutMs', 'rise', 'fall'] as const).every((key) => a[key] === b[key]);

export class Evidence {
  readonly breaker: BreakerOptions;
  readonly outlier: OutlierOptions;
  readonly enforced: Enforced;
  readonly standings: Standings;
  readonly circuits: Circuits;
  /** Undefined: nobody is checked. */
  checks: Checks | undefined;
  readonly #makeChecks: (options: CheckOptions) => Checks;
  readonly #balancer: Balancer;
  readonly #stats: UpstreamStats;
  /** How many attempts there were when the last call began that was a trial before its time. */
  #attemptsThen = -Infinity;
  readonly #ejections: Ejections;

  constructor(parts: EvidenceParts, now: number) {
    const { upstream, balancer, random, emit, stats, changed, suspected = nothing, readmitted } = parts;
    const { breaker = defaultBreaker, outlier = defaultOutlier, panic = defaultPanic, enforced = allEnforced } = parts;
    const panicked = (began: boolean, well: number, total: number): void => {
      emit({ kind: began ? 'panic_began' : 'panic_ended', upstream, well, total });
      changed();
    };
    this.#balancer = balancer;
    this.#stats = stats;
    this.breaker = breaker;
    this.outlier = outlier;
    this.enforced = enforced;
    this.standings = new Standings({ balancer, panic, enforced, panicked });
    const putOut = (member: Member, now: number): void => this.checks?.soon(member, now);
    const shared = { upstream, standings: this.standings, emit, stats, enforced, changed, putOut };
    this.circuits = new Circuits({ ...shared, random, breaker, suspected });
    const recovered = (member: Member, now: number): void => {
      this.circuits.recovered(member, now);
      this.#ejections.recovered(member, now);
    };
    this.#makeChecks = (options) => new Checks({ ...shared, random, recovered, options });
    this.checks = parts.check && this.#makeChecks(parts.check);
    this.#ejections = new Ejections({ ...shared, options: outlier, readmitted }, now);
  }

  /** Options that were handed in have been changed by somebody; `check` holds from now on. */
  reconsider(check: CheckOptions | undefined, members: Iterable<Member>, now: number): void {
    const was = this.checks;
    if (check === undefined) {
      this.checks = undefined;
      if (was !== undefined) for (const member of members) was.end(member);
    } else if (was === undefined) {
      this.checks = this.#makeChecks(check);
      for (const member of members) this.checks.joined(member, now);
    } else if (!sameCheck(was.options, check)) was.change(check, members, now);
    this.standings.reconsider();
  }

  join(endpoint: Endpoint, now: number): Member {
    const member = this.circuits.make(endpoint);
    this.checks?.joined(member, now);
    return member;
  }

  forget(member: Member): void {
    this.circuits.forget(member);
    this.#ejections.forget(member);
    this.checks?.left(member);
  }

  /** What time alone has changed. A few comparisons as long as nothing is due. */
  wake(members: Iterable<Member>, now: number): void {
    this.circuits.wake(now);
    this.#ejections.wake(members, now);
  }

  /**
   * For a call that can be repeated: one that is out, before its time. One of a hundred calls at most, so that the budget of retries hardly
   * feels it; any where there is `nobodyElse`. A call with a key tries the one to which that leads, or anybody where there is `nobodyElse`.
   */
  early(ask: Ask, now: number, nobodyElse: boolean): Member | undefined {
    if (ask.repeatable !== true || !this.triesEarly) return undefined;
    const rested = nobodyElse || this.#stats.attempts - this.#attemptsThen >= callsPerEarlyTrial;
    const mayHang = ask.hedged === true || nobodyElse;
    const anyKey = ask.key === undefined || nobodyElse;
    const fits = (member: Member): boolean =>
      member.weight > 0 &&
      (anyKey || (this.#balancer.home?.(ask, member) ?? false)) &&
      !ask.tried.includes(member.endpoint.id) &&
      (this.#balancer.fits?.(ask, member) ?? true);
    const found =
      (rested ? this.circuits.early((one) => fits(one) && !this.standings.isBlamed(one), now) : undefined) ??
      this.#ejections.early(
        (one) => fits(one) && !one.against.open && !one.against.ill && (mayHang || !one.ejection!.silent),
        now,
        rested,
      );
    if (found !== undefined && rested) this.#attemptsThen = this.#stats.attempts;
    return found;
  }

  /** Monotonic milliseconds from which on a call that can be repeated may try it before its time; undefined: none may. For a person. */
  earlyFrom(member: Member): number | undefined {
    if (!member.against.open) return member.against.ill ? undefined : this.#ejections.earlyFrom(member);
    return this.standings.isBlamed(member) ? undefined : this.circuits.earlyFrom(member);
  }

  /** Some may be tried before their time. */
  get triesEarly(): boolean {
    return this.circuits.hasQuick || this.#ejections.hasTried;
  }

  /** A call that can be repeated starts to this member. True: it is a trial. */
  isTrial(member: Member): boolean {
    return this.#ejections.begin(member) || this.standings.isOpen(member);
  }

  learn(member: Member, epoch: number, outcome: Outcome, now: number, onTrial: boolean): void {
    this.circuits.end(member, epoch, outcome, now);
    if (member.listed) this.#ejections.seen(member, outcome, now, onTrial);
  }
}
