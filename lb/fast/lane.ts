/**
 * The fast lane: sockets, and nothing of node's HTTP or of streams between them. It takes every connection of the app first, carries the
 * exchanges that are provably plain, and hands a connection on to the full lane the moment one is not. What its connections share is here:
 * the pools, the memory of ways, the one timer, the box in which what is written is put together.
 */
import type { Socket } from 'node:net';
import { uploadLingerMs } from '../bounds.js';
import type { CallParts, Entrance, Lane, LaneOptions } from '../lane.js';
import type { Upstream } from '../upstream.js';
import { AnswerLines } from './answer.js';
import { Deadlines } from './deadlines.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';
import { Pools } from './pools.js';
import { SpareBuffers } from './spare-buffers.js';
import { TurnClock } from './turn-clock.js';
import { Visit, type VisitTerms } from './visit.js';
import { Ways } from './ways.js';

export class FastLane implements Lane {
  /** Those of the full lane are its own to count. */
  carried = 0;
  readonly #parts: CallParts;
  readonly #options: LaneOptions;
  readonly #full: Lane;
  readonly #deadlines: Deadlines;
  readonly #clock: TurnClock;
  readonly #outbox = new Outbox();
  readonly #inbox: Inbox;
  readonly #spare = new SpareBuffers();
  readonly #lines: AnswerLines;
  readonly #visits = new Set<Visit>();
  /** Those with connections; the others are known by their upstream only, and go with it. */
  readonly #inUse = new Set<Pools>();
  readonly #pools = new WeakMap<Upstream, Pools>();
  /** What the visits of an entrance share, by the one upstream that it serves. */
  readonly #terms = new Map<string | undefined, VisitTerms>();
  #calls = 0;
  #draining = false;
  #quiet: () => void = () => undefined;

  /** `full` gets what is not plain. */
  constructor(parts: CallParts, options: LaneOptions, full: Lane) {
    this.#parts = parts;
    this.#options = options;
    this.#full = full;
    this.#lines = new AnswerLines(parts.pseudonym);
    this.#clock = new TurnClock(parts.clock);
    this.#inbox = new Inbox(this.#outbox, this.#clock);
    this.#deadlines = new Deadlines(
      parts.clock,
      (now) => this.#look(now),
      (run) => this.#inbox.afterwards(run),
    );
  }

  get connections(): number {
    return this.#visits.size + this.#full.connections;
  }

  get calls(): number {
    return this.#calls + this.#full.calls;
  }

  take(socket: Socket, entrance: Entrance): void {
    this.#visits.add(new Visit(socket, entrance, this.#termsOf(entrance)));
  }

  drain(): void {
    this.#draining = true;
    for (const visit of this.#visits) visit.drain();
    this.#full.drain();
  }

  async close(): Promise<void> {
    const quiet = new Promise<void>((resolve) => (this.#quiet = resolve));
    for (const pools of this.#inUse) pools.close(); // first, so that no request leaves whose app is cut
    for (const visit of this.#visits) visit.cut();
    this.#left();
    await Promise.all([quiet, this.#full.close()]);
    this.#deadlines.end();
  }

  #termsOf(entrance: Entrance): VisitTerms {
    let terms = this.#terms.get(entrance.upstream);
    if (terms === undefined) this.#terms.set(entrance.upstream, (terms = this.#makeTerms(entrance)));
    return terms;
  }

  #makeTerms(entrance: Entrance): VisitTerms {
    const { maxHeadBytes, clientIdleTimeoutMs, headerTimeoutMs } = this.#options;
    return {
      ...{ parts: this.#parts, clock: this.#clock, deadlines: this.#deadlines, lines: this.#lines },
      ...{ inbox: this.#inbox, outbox: this.#outbox },
      ...{ maxHeadBytes, clientIdleTimeoutMs, headerTimeoutMs, uploadLingerMs: this.#options.uploadLingerMs ?? uploadLingerMs },
      ways: new Ways(this.#parts, entrance, (upstream) => this.#poolsOf(upstream)),
      isLast: () => this.#draining,
      began: () => {
        this.#calls++;
        this.carried++;
      },
      ended: () => this.#calls--,
      handOver: (visit) => this.#handOver(visit),
      left: (visit) => {
        this.#visits.delete(visit);
        this.#left();
      },
    };
  }

  /** The full lane finds the socket as if nobody had read from it. */
  #handOver(visit: Visit): void {
    this.#visits.delete(visit);
    this.#full.take(visit.socket, visit.entrance);
  }

  #left(): void {
    if (this.#visits.size === 0) this.#quiet();
  }

  #look(now: number): number {
    let next = Infinity;
    for (const visit of this.#visits) next = Math.min(next, visit.look(now));
    for (const pools of this.#inUse) next = Math.min(next, pools.look(now));
    return next;
  }

  #poolsOf(upstream: Upstream): Pools {
    const known = this.#pools.get(upstream);
    if (known !== undefined) return known;
    const pools = new Pools({
      clock: this.#clock,
      deadlines: this.#deadlines,
      inbox: this.#inbox,
      outbox: this.#outbox,
      spare: this.#spare,
      usage: upstream.usage,
      used: (which) => this.#inUse.add(which),
      empty: (which) => this.#inUse.delete(which),
    });
    upstream.onGone((gone) => pools.drop(gone));
    upstream.usage.keeps(() => pools.closeIdle());
    this.#pools.set(upstream, pools);
    return pools;
  }
}
