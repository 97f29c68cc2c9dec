/**
 * One service that the app can call: its endpoints, and what is known of each. `acquire` is the only way to an endpoint, so that this
 * file is the whole answer to "why did this call go there". It does not know HTTP, sockets or where the list comes from.
 *
 *     update ──▶ members.ts ─▶ balancer        whole lists in; who stays keeps circuit and credit
 *     acquire ─▶ wake due circuits ─▶ limit ─▶ choice.ts ─▶ lease
 *     lease   ─▶ answered: evidence (evidence.ts) and the policy; release: one call less in flight
 */
import type { Ask, Balancer } from './balancer.js';
import { defaultBudget, RetryBudget, type BudgetOptions } from './budget.js';
import type { CheckOptions, Checks } from './checks.js';
import { Choice } from './choice.js';
import type { Endpoint } from './endpoint.js';
import type { FailureCode } from './errors.js';
import { Evidence, type EvidenceOptions } from './evidence.js';
import { explain, sentenceOf, statesOf, type EndpointState, type EndpointView } from './explain.js';
import { FirstList } from './first-list.js';
import { HedgeDecider } from './hedge.js';
import { Lease, type Lender } from './lease.js';
import { defaultLimits, Usage, type LimitName, type Limits } from './limits.js';
import type { Member } from './member.js';
import { Members, type Changes } from './members.js';
import type { Clock, Emit, Random } from './ports.js';
import type { Refused } from './refusal.js';
import { RetryDecider } from './retry.js';
import { defaultSlowStart, SlowStart, type SlowStartOptions } from './slow-start.js';
import { allEnforced } from './enforced.js';
import { UpstreamStats } from './stats.js';
import { Judgement, type UpstreamVerdict } from './verdict.js';

export interface UpstreamParts extends EvidenceOptions {
  readonly balancer: Balancer;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly budget?: BudgetOptions;
  readonly slowStart?: SlowStartOptions;
  readonly limits?: Limits;
  /** The key of all calls of this machine, where the policy goes by that. */
  readonly ownKey?: () => number | undefined;
  /** Where its list comes from, for sentences: `/services/orders`. */
  readonly source?: string;
  /** Why its list is empty, and what to do, where more is known than that it is; for sentences. */
  readonly whyNobody?: () => string | undefined;
}

/** Why there is no lease. `tried_all`: this call has been to every endpoint there is, so that the last real answer stands. */
export type NoLease = 'no_endpoints' | 'no_subset' | 'all_open' | 'overflow' | 'tried_all';

/** The first call of a name waits at most this long for the name's list. */
const firstListMs = 1_000;

export class Upstream {
  readonly name: string;
  readonly stats = new UpstreamStats();
  readonly budget: RetryBudget;
  readonly retry: RetryDecider;
  readonly hedge: HedgeDecider;
  readonly usage: Usage;
  /** Monotonic milliseconds: the last call that asked for an endpoint, or the making of this upstream. */
  lastUsed: number;
  readonly #parts: UpstreamParts;
  readonly #evidence: Evidence;
  readonly #choice: Choice;
  readonly #slowStart: SlowStart;
  readonly #firstList: FirstList;
  readonly #judgement: Judgement;
  readonly #members = new Members();
  readonly #goneListeners = new Set<(gone: readonly Endpoint[]) => void>();
  readonly #lender: Lender = {
    learn: (member, epoch, outcome, onTrial, now = this.#parts.clock.now()) => {
      this.#evidence.learn(member, epoch, outcome, now, onTrial);
      if (member.listed) this.#parts.balancer.seen?.(member, outcome, now);
    },
    giveBack: (member) => {
      member.active--;
      this.stats.inFlight--;
    },
  };

  constructor(name: string, parts: UpstreamParts) {
    const { balancer, clock, random, emit, enforced = allEnforced, budget = defaultBudget, limits = defaultLimits } = parts;
    const { stats } = this;
    this.name = name;
    this.#parts = parts;
    this.budget = new RetryBudget(budget);
    const exhausted = (): void => emit({ kind: 'retry_budget_exhausted', upstream: name });
    this.hedge = new HedgeDecider(this.budget);
    this.retry = new RetryDecider({ budget: this.budget, random, stats, exhausted });
    const reached = (limit: LimitName, most: number): void =>
      emit({ kind: 'limit_reached', upstream: name, limit, most, ...(!enforced.limits && { shadow: true }) });
    this.usage = new Usage({ limits, enforced, stats, reached });
    this.#slowStart = new SlowStart(parts.slowStart ?? defaultSlowStart, (seat) => balancer.changed(seat));
    const readmitted = (member: Member, now: number): void => this.#slowStart.readmitted(member, now);
    const changed = (): void => this.#judge();
    this.#evidence = new Evidence({ ...parts, upstream: name, stats, readmitted, changed }, clock.now());
    this.#choice = new Choice(balancer, this.#evidence);
    this.lastUsed = clock.now();
    this.#firstList = new FirstList(clock);
    this.#judgement = new Judgement(clock, this.#evidence.standings);
  }

  /** Options that were handed in have been changed: what is acted on, the share of panic, slow start. `check`: how endpoints are asked from now on. */
  reconsider(check: CheckOptions | undefined): void {
    const now = this.#parts.clock.now();
    this.#evidence.reconsider(check, this.#members, now);
    this.#slowStart.retimed(now);
    this.#judge();
  }

  /** Undefined: nobody checks its endpoints. */
  get checks(): Checks | undefined {
    return this.#evidence.checks;
  }

  /** A list has come, be it empty. */
  get listed(): boolean {
    return this.#firstList.here;
  }

  /**
   * Replaces the whole list. An endpoint that is still there, by id and address, keeps its circuit and its turn; one that has gone
   * gets no new call, and its running ones end in peace.
   */
  update(endpoints: readonly Endpoint[]): void {
    const { clock } = this.#parts;
    const now = clock.now();
    const changes = this.#members.update(endpoints, (endpoint) => this.#evidence.join(endpoint, now));
    const { joined, gone, changed } = changes;
    for (const member of gone) {
      this.#evidence.forget(member);
      this.#slowStart.left(member);
    }
    const members = [...this.#members];
    this.#slowStart.update(members, joined, { now, wall: clock.wall(), first: !this.listed }, changed);
    this.#evidence.standings.update(members);
    this.#parts.balancer.update(members);
    this.#firstList.came();
    this.#judge();
    this.#tell(changes);
  }

  /** Resolves as soon as a list has come (at once if one has), or with why there is none: `ms` are over, or too many wait already. */
  async whenListed(ms = firstListMs): Promise<'discovering' | 'overflow' | undefined> {
    if (this.listed) return undefined;
    if (!this.usage.admits('pending', this.#parts.clock.now())) return 'overflow';
    this.usage.pending++;
    const came = await this.#firstList.wait(ms).finally(() => this.usage.pending--);
    return came ? undefined : 'discovering';
  }

  /** Whether `acquire` wants to know of a call if it can be repeated. */
  get triesEarly(): boolean {
    return this.#evidence.triesEarly || this.#judgement.open > 0;
  }

  /** As far as can be known beforehand, a second send of a call will find an endpoint and be paid for. */
  mayHedge(now: number): boolean {
    return this.size > 1 && this.hedge.has(now);
  }

  /** How many endpoints there are, in whatever state. */
  get size(): number {
    return this.#members.size;
  }

  /** A lease on the endpoint that the balancer chooses, or why there is none. A retry that finds nobody costs nothing. `now`: as in lease.ts. */
  acquire(ask: Ask, now = this.#parts.clock.now()): Lease | NoLease {
    this.lastUsed = now;
    const found = this.#find(ask, now);
    if (ask.tried.length > 0) {
      if (typeof found === 'string') this.budget.giveBack(now);
      else this.stats.retries++;
    }
    return typeof found === 'string' ? found : this.#lend(found, ask.repeatable === true, now);
  }

  /**
   * What the app is told. `absolute`: the request came through `http_proxy`; `ask`: what could not be had. After `tried_all` the last real
   * failure is told.
   */
  whyNot(refusal: Exclude<NoLease, 'tried_all'> | 'discovering', absolute = false, ask: Ask = { tried: [] }): Required<Refused> {
    const { name } = this;
    const { balancer, source, whyNobody } = this.#parts;
    const { out, open } = this.#judgement;
    const crowd = balancer.crowd?.(ask);
    const subset = balancer.lacks?.(ask) ?? crowd?.subset ?? '';
    const counts = { total: this.#members.size, out, open, kept: 0, ...(refusal === 'all_open' && crowd) };
    const limit = { limit: this.usage.last, most: this.usage.limits[this.usage.last] };
    const why = counts.total === 0 ? whyNobody?.() : undefined;
    const nextTrialInMs = refusal === 'all_open' ? this.#nextTrialInMs(ask) : undefined;
    const facts = { name, source, why, absolute, nextTrialInMs, subset, ...limit, ...counts };
    return { code: refusal, message: sentenceOf[refusal](facts), retryAfterMs: nextTrialInMs ?? 1_000 };
  }

  /** Told of endpoints that have left the list, or moved to another address: their idle connections are to be closed. */
  onGone(listener: (gone: readonly Endpoint[]) => void): () => void {
    this.#goneListeners.add(listener);
    return () => this.#goneListeners.delete(listener);
  }

  /** Endpoints with an open circuit that could not be reached: a connect outside of any call would tell something. */
  unreachable(): readonly Endpoint[] {
    return this.#evidence.circuits.unreachable(this.#members, this.#parts.clock.now());
  }

  /** Such a connect came through. No evidence by itself: it lets the trial begin now. */
  reached(endpoint: Endpoint): void {
    const member = this.#members.of(endpoint);
    if (member) this.#evidence.circuits.reached(member, this.#parts.clock.now());
  }

  /** Endpoints whose last connect failed, while their circuit is closed: a connect outside of any call settles it, and spares the calls. */
  suspects(): readonly Endpoint[] {
    return Array.from(this.#evidence.standings.suspects, ({ endpoint }) => endpoint);
  }

  /** Such a connect failed. */
  unreached(endpoint: Endpoint, code: FailureCode): void {
    const member = this.#members.of(endpoint);
    if (member) this.#evidence.circuits.unreached(member, code, this.#parts.clock.now());
  }

  /** `ask`: only those that would do for it. */
  explain(ask?: Ask): EndpointView[] {
    const { balancer, clock, ownKey } = this.#parts;
    const now = clock.now();
    this.#slowStart.wake(now, Infinity);
    this.#wake(now);
    const startLeftMs = (member: Member): number | undefined => this.#slowStart.leftMs(member, now);
    const about = { ask: ask ?? { tried: [], key: ownKey?.() }, whose: ask === undefined ? 'this pod' : 'this call' } as const;
    const context = { balancer, evidence: this.#evidence, ...about, now, wall: clock.wall(), startLeftMs };
    return explain([...this.#members], context, ask !== undefined);
  }

  verdict(): UpstreamVerdict {
    const { budget, stats } = this;
    const now = this.#parts.clock.now();
    this.#wake(now);
    this.#judge(); // the balancer may be another since
    const retryPercent = Math.round(budget.usedPercent(now) * 10) / 10;
    const panic = this.#evidence.standings.panic || this.#parts.balancer.crowd?.({ tried: [] })?.panic === true;
    const counts = { total: this.#members.size, lost: stats.lost };
    return { ...this.#judgement.told, ...counts, panic, retryPercent, retryBudgetPercent: budget.percent };
  }

  /** Endpoints by what decides about them: a circuit that is not closed, else an ejection, else a check; `closed` is well. */
  states(): Readonly<Record<EndpointState, number>> {
    const now = this.#parts.clock.now();
    this.#wake(now);
    return statesOf(this.#members, now, this.#evidence.enforced);
  }

  #find(ask: Ask, now: number): Member | NoLease {
    const { balancer } = this.#parts;
    this.#wake(now);
    if (!this.usage.admitsCall(now)) return 'overflow';
    const member = this.#choice.of(ask, now);
    if (member !== undefined) return member;
    if (ask.tried.length > 0) return 'tried_all';
    if (balancer.lacks?.(ask) !== undefined) return 'no_subset';
    return (balancer.crowd?.(ask) ?? this.#judgement).hasWeight ? 'all_open' : 'no_endpoints';
  }

  /** Of those that would do. */
  #nextTrialInMs(ask: Ask): number | undefined {
    const { balancer, clock } = this.#parts;
    const at = this.#evidence.circuits.nextTrialAt((member) => member.weight > 0 && (balancer.fits?.(ask, member) ?? true));
    return at && Math.max(0, at - clock.now());
  }

  /** What time alone has changed. */
  #wake(now: number): void {
    this.#evidence.wake(this.#members, now);
    this.#slowStart.wake(now);
  }

  #lend(member: Member, repeatable: boolean, now: number): Lease {
    const onTrial = repeatable && this.#evidence.isTrial(member);
    const epoch = this.#evidence.circuits.begin(member, now);
    member.active++;
    this.stats.inFlight++;
    this.stats.attempts++;
    return new Lease(this.#lender, member, epoch, onTrial);
  }

  #tell({ joined: { length: joined }, gone, reweighed: changed }: Changes): void {
    const left = gone.map(({ endpoint }) => endpoint);
    if (left.length > 0) for (const listener of this.#goneListeners) listener(left);
    const about = { upstream: this.name, total: this.#members.size };
    if (joined + left.length > 0) this.#parts.emit({ kind: 'endpoints_changed', ...about, joined, left: left.length });
    if (changed > 0) this.#parts.emit({ kind: 'weights_changed', ...about, changed, none: !this.#judgement.hasWeight });
  }

  #judge(): void {
    this.#judgement.look(this.listed, this.#members, this.#parts.balancer.lacks?.({ tried: [] }));
  }
}
