/**
 * A sidecar as it is, but for its sockets: the real upstream (balancer, circuits, ejections, checks, limits, standings, slow start) and the
 * real retries, hedges and budget, in front of scripted servers. It carries a call as full/call.ts does.
 */
import { makeBalancer } from '../../lb/balancing.js';
import { defaultBreaker, type BreakerOptions } from '../../lb/breaker.js';
import { defaultBudget, type BudgetOptions } from '../../lb/budget.js';
import type { CheckOptions } from '../../lb/checks.js';
import type { Endpoint } from '../../lb/endpoint.js';
import { allEnforced } from '../../lb/enforced.js';
import type { FailureCode } from '../../lb/errors.js';
import type { Hedge } from '../../lb/hedge.js';
import type { Lease } from '../../lb/lease.js';
import { defaultLimits, type Limits, type Slot } from '../../lb/limits.js';
import { failed } from '../../lb/outcome.js';
import { defaultOutlier, type OutlierOptions } from '../../lb/outlier.js';
import { goesByKey, type PolicyName } from '../../lb/policies.js';
import { isRepeated, type CallSoFar } from '../../lb/retry.js';
import { defaultRetryOn } from '../../lb/retry-on.js';
import { defaultSlowStart } from '../../lb/slow-start.js';
import { Tries } from '../../lb/tries.js';
import { Upstream } from '../../lb/upstream.js';
import type { Answered, Server } from './server.js';
import type { World } from './world.js';

export interface Setup {
  readonly name: string;
  readonly policy: PolicyName;
  /** Circuits, and ejection by answers and latency. Default: on. */
  readonly circuits?: boolean;
  readonly ejection?: boolean;
  /** Default: 1. */
  readonly retries?: number;
  /** Milliseconds, or none. Default: 30 s. */
  readonly slowStart?: number | false;
  readonly zone?: string;
  /** Default: none. */
  readonly hedge?: Hedge;
  readonly check?: CheckOptions;
  /** Most calls of one endpoint, in percent of its share. Default: as many as come. */
  readonly hashLoad?: number;
  /** The calls are POSTs, which are not sent again once something of them was written. */
  readonly once?: boolean;
  readonly breaker?: Partial<BreakerOptions>;
  readonly outlier?: Partial<OutlierOptions>;
  readonly budget?: Partial<BudgetOptions>;
  readonly limits?: Partial<Limits>;
  readonly panic?: number;
}

export interface Ended {
  readonly ms: number;
  readonly ok: boolean;
  readonly attempts: number;
  /** Who has answered. */
  readonly by: string | undefined;
}

const responseTimeoutMs = 1_000;
const concurrentChecks = 16;

export class Caller {
  readonly upstream: Upstream;
  readonly #world: World;
  readonly #setup: Setup;
  readonly #servers: ReadonlyMap<string, Server>;
  /** Kept connections. */
  readonly #idle = new Map<string, Slot[]>();
  #sweeping: (() => void) | undefined;

  constructor(world: World, setup: Setup, servers: ReadonlyMap<string, Server>) {
    this.#world = world;
    this.#setup = setup;
    this.#servers = servers;
    const { random } = world;
    const { policy, zone, circuits: circuit = true, ejection: outlier = true, slowStart, check, hashLoad, panic } = setup;
    const balancer = makeBalancer({
      ...{ policy, random, subsets: { otherwise: 'none' }, later: (ms, run) => void world.after(ms, run) },
      ...{ inFlight: () => this.upstream.stats.inFlight, mostLoad: hashLoad && hashLoad / 100 },
      ...(zone === undefined ? {} : { zone: { own: zone } }),
    });
    this.upstream = new Upstream('orders', {
      ...{ balancer, clock: world, random, emit: () => undefined, budget: { ...defaultBudget, ...setup.budget } },
      ...{ breaker: { ...defaultBreaker, ...setup.breaker }, outlier: { ...defaultOutlier, ...setup.outlier } },
      ...{ limits: { ...defaultLimits, ...setup.limits }, check, ...(panic !== undefined && { panic: { percent: panic } }) },
      enforced: { ...allEnforced, circuit, outlier },
      suspected: () => this.#connectSoon(),
      slowStart: { ...defaultSlowStart, ...(slowStart !== undefined && { durationMs: slowStart || undefined }) },
    });
    this.upstream.usage.keeps(() => this.#closeIdle());
    if (check !== undefined) world.every(100, () => this.#check(check));
  }

  update(endpoints: readonly Endpoint[]): void {
    this.upstream.update(endpoints);
  }

  /** What the sweeper does with sockets: connects to suspects ten times a second, to those whose circuit is open twice. */
  #connectSoon(): void {
    this.#sweeping ??= this.#world.after(100, () => {
      this.#sweeping = undefined;
      for (const endpoint of [...this.upstream.suspects(), ...this.upstream.unreachable()]) {
        if (this.#servers.get(endpoint.id)!.how.dead) this.upstream.unreached(endpoint, 'connect_refused');
        else this.upstream.reached(endpoint);
      }
      if (this.upstream.suspects().length + this.upstream.unreachable().length > 0) this.#connectSoon();
    });
  }

  /** What the checker does with sockets. */
  #check({ timeoutMs = Infinity }: CheckOptions): void {
    const { upstream } = this;
    const checks = upstream.checks!;
    const began = this.#world.now();
    for (const due of checks.take(began, concurrentChecks)) {
      let open = true;
      const end = (why: string | undefined): void => {
        if (!open) return;
        [open] = [false, stop()];
        if (why === 'refused') upstream.unreached(due.endpoint, 'connect_refused');
        else upstream.reached(due.endpoint);
        checks.ended(due, why, this.#world.now(), began);
      };
      const stop = this.#world.after(timeoutMs, () => end('no answer'));
      this.#servers.get(due.endpoint.id)!.check(end);
    }
  }

  /** `key`: what the call is about. */
  call(key: number | undefined, ended: (how: Ended) => void): void {
    const began = this.#world.now();
    const tries = new Tries();
    tries.begin(goesByKey(this.#setup.policy) ? key : undefined, undefined);
    this.upstream.budget.called(began);
    this.#acquire({ began, key, tries, legs: new Set(), stopHedge: () => undefined, held: undefined, ended });
  }

  #acquire(call: Call): void {
    const { upstream } = this;
    const { tries } = call;
    const now = this.#world.now();
    tries.repeatable = upstream.triesEarly && upstream.retry.losesNothing(this.#soFar(tries), now);
    const after = tries.count > 0 || this.#setup.once ? undefined : upstream.hedge.delayMs(this.#setup.hedge, now);
    tries.hedged = after !== undefined;
    const lease = upstream.acquire(tries.ask);
    if (typeof lease === 'string') return this.#end(call, false, call.held);
    if (after !== undefined) call.stopHedge = this.#world.after(after, () => this.#hedge(call));
    this.#send(call, lease);
  }

  #hedge(call: Call): void {
    const { upstream } = this;
    if (call.legs.size !== 1 || upstream.size < 2 || !upstream.hedge.maySend(this.#world.now())) return;
    const lease = upstream.acquire(call.tries.beside);
    if (typeof lease === 'string') return;
    upstream.stats.hedges++;
    this.#send(call, lease);
  }

  #send(call: Call, lease: Lease): void {
    const { id } = lease.endpoint;
    const sentAt = this.#world.now();
    const slot = this.#idle.get(id)?.pop() ?? this.upstream.usage.slot(sentAt);
    call.tries.sent(lease.endpoint, sentAt);
    if (slot === undefined) {
      lease.release();
      return call.legs.size === 0 ? this.#end(call, false) : undefined;
    }
    slot.connected();
    const leg: Leg = {
      ...{ lease, slot, sentAt },
      stop: this.#world.after(responseTimeoutMs, () => this.#failed(call, leg, 'response_timeout')),
    };
    call.legs.add(leg);
    this.#servers.get(id)!.call(call.key, (answered) => {
      if (!call.legs.has(leg)) return;
      if (answered === 'refused') this.#failed(call, leg, 'connect_refused');
      else this.#answered(call, leg, answered);
    });
  }

  #answered(call: Call, leg: Leg, answered: Answered): void {
    const { upstream } = this;
    const { lease, sentAt } = leg;
    const { tries } = call;
    const now = this.#world.now();
    const status = answered === 'ok' ? 200 : 500;
    this.#over(call, leg, true);
    for (const other of call.legs)
      // the first answer wins
      this.#over(call, other, false, () => {
        if (other.sentAt < sentAt && answered === 'ok') other.lease.answered({ kind: 'outpaced', ms: now - other.sentAt });
      });
    if (this.#setup.hedge === 'p95') upstream.hedge.seen(now - call.began, now);
    lease.answered({ kind: 'success', ms: now - sentAt, status });
    lease.release();
    const { id } = lease.endpoint;
    if (upstream.size > tries.count && isRepeated(defaultRetryOn, status, lease.onTrial)) {
      const soFar = { ...this.#soFar(tries), attempt: tries.written + 1 };
      const pauseMs = upstream.retry.afterAnswer(soFar, { status, retryAfterMs: undefined, onTrial: lease.onTrial }, now);
      if (pauseMs !== undefined) {
        tries.answered(lease.endpoint, status, '', now);
        call.held = id;
        this.#world.after(pauseMs, () => this.#acquire(call));
        return;
      }
    }
    this.#end(call, answered === 'ok', id);
  }

  #failed(call: Call, leg: Leg, code: FailureCode): void {
    const { lease, sentAt } = leg;
    const now = this.#world.now();
    this.#over(call, leg, false, () => lease.answered(failed(code, now - sentAt)));
    const sent = code === 'connect_refused' ? 'nothing' : 'all';
    call.tries.failed(lease.endpoint, { code, message: '', sent, kept: false }, now);
    if (call.legs.size > 0) return;
    const pauseMs = this.upstream.retry.next(this.#soFar(call.tries), { code, sent }, now);
    if (pauseMs === undefined) this.#end(call, false);
    else this.#world.after(pauseMs, () => this.#acquire(call));
  }

  /** The leg has ended; its connection is kept after an answer, and its lease given back unless it has answered. */
  #over(call: Call, leg: Leg, answered: boolean, evidence = (): void => undefined): void {
    const { lease, slot } = leg;
    call.legs.delete(leg);
    leg.stop();
    if (!answered) {
      slot.leave();
      evidence();
      return lease.release();
    }
    const kept = this.#idle.get(lease.endpoint.id);
    if (kept) kept.push(slot);
    else this.#idle.set(lease.endpoint.id, [slot]);
  }

  #closeIdle(): boolean {
    for (const slots of this.#idle.values()) {
      const slot = slots.pop();
      slot?.leave();
      if (slot) return true;
    }
    return false;
  }

  #soFar({ written: attempt, unsent: unsentTries }: Tries): CallSoFar {
    const { retries = 1, once = false } = this.#setup;
    return { idempotent: !once, replayable: true, attempt, unsentTries, retries, on: defaultRetryOn, leftMs: Infinity };
  }

  #end({ began, tries, stopHedge, ended }: Call, ok: boolean, by?: string): void {
    stopHedge();
    ended({ ms: this.#world.now() - began, ok, attempts: tries.count, by });
  }
}

interface Leg {
  readonly lease: Lease;
  readonly slot: Slot;
  readonly sentAt: number;
  readonly stop: () => void;
}

interface Call {
  readonly began: number;
  readonly key: number | undefined;
  readonly tries: Tries;
  readonly legs: Set<Leg>;
  readonly ended: (how: Ended) => void;
  stopHedge: () => void;
  /** Who gave the answer that stands if nobody else can be asked. */
  held: string | undefined;
}
