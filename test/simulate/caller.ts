/**
 * A sidecar as it is, but for its sockets: the real upstream (balancer, circuits, standings, slow start) and the real retries and budget,
 * in front of scripted servers. It carries a call as full/call.ts does.
 */
import { defaultBudget } from '../../lb/budget.js';
import type { Endpoint } from '../../lb/endpoint.js';
import type { FailureCode } from '../../lb/errors.js';
import type { Lease } from '../../lb/lease.js';
import { makeBalancer } from '../../lb/balancing.js';
import { failed } from '../../lb/outcome.js';
import type { PolicyName } from '../../lb/policies.js';
import { defaultRetryOn } from '../../lb/retry-on.js';
import { defaultSlowStart } from '../../lb/slow-start.js';
import { allEnforced } from '../../lb/enforced.js';
import { Upstream } from '../../lb/upstream.js';
import type { Server } from './server.js';
import type { World } from './world.js';

export interface Setup {
  readonly name: string;
  readonly policy: PolicyName;
  /** Circuits, and ejection by answers and latency. Default: on. */
  readonly circuits?: boolean;
  readonly ejection?: boolean;
  /** Default: 1. */
  readonly retries?: number;
  /** Default: on. */
  readonly slowStart?: boolean;
  readonly zone?: string;
}

export interface Ended {
  readonly ms: number;
  readonly ok: boolean;
  readonly attempts: number;
}

const responseTimeoutMs = 1_000;

export class Caller {
  readonly upstream: Upstream;
  readonly #world: World;
  readonly #setup: Setup;
  readonly #servers: ReadonlyMap<string, Server>;
  #sweeping: (() => void) | undefined;

  constructor(world: World, setup: Setup, servers: ReadonlyMap<string, Server>) {
    this.#world = world;
    this.#setup = setup;
    this.#servers = servers;
    const { random } = world;
    const { policy, zone, circuits: circuit = true, ejection: outlier = true, slowStart = true } = setup;
    const zoned = zone === undefined ? {} : { zone: { own: zone } };
    const balancer = makeBalancer({ policy, random, ...zoned, subsets: { otherwise: 'none' } });
    this.upstream = new Upstream('orders', {
      ...{ balancer, clock: world, random, emit: () => undefined, budget: defaultBudget },
      enforced: { ...allEnforced, circuit, outlier },
      suspected: () => this.#connectSoon(),
      slowStart: slowStart ? defaultSlowStart : { ...defaultSlowStart, durationMs: undefined },
    });
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

  call(ended: (how: Ended) => void): void {
    const began = this.#world.now();
    this.upstream.budget.called(began);
    this.#attempt({ began, tried: [], written: 0, unsent: 0, attempts: 0, ended });
  }

  #attempt(call: Call): void {
    const lease = this.upstream.acquire({ tried: call.tried, again: call.written === 0 && call.tried.length > 0 });
    if (typeof lease === 'string') return this.#end(call, false);
    call.attempts++;
    const sentAt = this.#world.now();
    let open = true;
    const once = (settle: () => void): void => {
      if (open) [open] = [false, settle()];
    };
    const stop = this.#world.after(responseTimeoutMs, () => once(() => this.#failed(call, lease, 'response_timeout', sentAt)));
    this.#servers.get(lease.endpoint.id)!.call((answered) =>
      once(() => {
        stop();
        if (answered === 'refused') return this.#failed(call, lease, 'connect_refused', sentAt);
        lease.answered({ kind: 'success', ms: this.#world.now() - sentAt, status: answered === 'ok' ? 200 : 500 });
        lease.release();
        this.#end(call, answered === 'ok');
      }),
    );
  }

  #failed(call: Call, lease: Lease, code: FailureCode, sentAt: number): void {
    lease.answered(failed(code, this.#world.now() - sentAt));
    lease.release();
    call.tried.push(lease.endpoint.id);
    const sent = code === 'connect_refused' ? 'nothing' : 'all';
    if (sent === 'nothing') call.unsent++;
    else call.written++;
    const { retries = 1 } = this.#setup;
    const soFar = {
      idempotent: true,
      replayable: true,
      attempt: call.written,
      unsentTries: call.unsent,
      retries,
      on: defaultRetryOn,
      leftMs: Infinity,
    };
    const mayTry = retries > 0 || sent === 'nothing';
    const pauseMs = mayTry ? this.upstream.retry.next(soFar, { code, sent }, this.#world.now()) : undefined;
    if (pauseMs === undefined) this.#end(call, false);
    else this.#world.after(pauseMs, () => this.#attempt(call));
  }

  #end({ began, attempts, ended }: Call, ok: boolean): void {
    ended({ ms: this.#world.now() - began, ok, attempts });
  }
}

interface Call {
  readonly began: number;
  readonly tried: string[];
  readonly ended: (how: Ended) => void;
  written: number;
  unsent: number;
  attempts: number;
}
