/**
 * Keeps the registry agreeing with what we want of one instance. The wish comes from the app's verdict and from people; the fact is what
 * the registry has answered in the session that is live now, and nothing else. One step at a time works until both are the same; whatever
 * may have made them differ (a new wish, our node's watch, a new session, the slow look) only calls for the next step.
 *
 *                    put proved
 *   withdrawn ──────────────────────▶ announced        unknown: asked or told to ask, not answered yet
 *       ▲     (unknown meanwhile)         │            A lost connection changes neither wish nor fact, and nothing is written
 *       └─────────────────────────────────┘            because of it; a session's end makes every fact about it void.
 *             removed, or its session is over
 *
 * A withdrawal never waits out a back-off or a spread. Failures and heals are followed by a pause with full jitter, so that two who fight
 * over a node do it slowly.
 */
import type { Emit } from '../events.js';
import type { Clock, Random } from '../system.js';
import { Alarm } from './alarm.js';
import { Certainty } from './certainty.js';
import { Contest, lost } from './contest.js';
import type { Instance } from './dialects/dialect.js';
import type { Proof, Registry, Source } from './registry.js';
import { PAUSE_FIRST_MS, Setbacks } from './setbacks.js';
import { isOver, isSessionTrouble, RegistryError, type RegistryErrorCode, type Session, type Tree } from './tree.js';

export interface AnnouncerParts {
  readonly service: string;
  readonly source: Source;
  readonly registry: Pick<Registry, 'put' | 'remove'>;
  readonly tree: Pick<Tree, 'session' | 'onSession'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

export interface AnnouncerView {
  readonly service: string;
  readonly wish: 'announced' | 'withdrawn';
  readonly fact: 'announced' | 'withdrawn' | 'unknown';
  /** Of the node once it was proved; of its parent before. */
  readonly path: string;
  readonly provenAt: string | null;
  readonly zxid: string | null;
  /** Who else lives and says that he is us, while he has the node; or why we are not to announce where we should. */
  readonly contested: string | null;
  /** Why the last step failed; null: it did not. */
  readonly failing: string | null;
}

type Fact =
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'announced'; readonly instance: Instance; readonly proof: Proof; readonly epoch: number };

/** How long a stranger may hold our node before it is told: an old session of the same pod takes about so long to end. */
const STRANGER_MS = 40_000;
/** About so long a refusal stands before we ask again, if nothing was heard of the node that it was about. */
const REFUSED_MS = 30_000;
const [SPREAD_MOST_MS, LOOK_MS] = [5_000, 180_000];
const refusals: readonly RegistryErrorCode[] = ['refused', 'node_exists'];

export class Announcer {
  readonly #parts: AnnouncerParts;
  readonly #stopListening: () => void;
  #asked: Instance | undefined;
  #wish: Instance | undefined;
  #why = ''; // nothing is wished for
  #last: Instance | undefined; // what may stand in the registry, needed to withdraw
  #stood = false; // it was not refused: there is something to withdraw
  #writtenIn = 0; // the epoch
  #fact: Fact = { kind: 'withdrawn' };
  #path: string;
  /** Our node may not be what we think: ask again. */
  #doubted = false;
  #busy = false;
  #stopped = false;
  #notBefore = 0;
  readonly #setbacks: Setbacks;
  #strangerSince: number | undefined;
  #lostSession = false;
  /** By those who stand there: see guard.ts. */
  #refused = false;
  #failing: string | null = null;
  readonly #certainty = new Certainty();
  readonly #contest = new Contest();
  readonly #pause: Alarm;
  readonly #slowLook: Alarm;
  #waiting: { readonly over: () => boolean; readonly resolve: () => void }[] = [];

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
    this.#path = parts.source.path;
    this.#setbacks = new Setbacks(parts.random);
    this.#pause = new Alarm(parts.clock, () => this.#next());
    this.#slowLook = new Alarm(parts.clock, () => this.#doubt());
    this.#stopListening = parts.tree.onSession((session) => this.#onSession(session));
  }

  /**
   * Announces the instance as it is now; undefined withdraws. The last wish counts. Id, host and port stay the same for life. Where it does
   * not say since when, that is the time of this wish, kept until it is withdrawn: peers give a newcomer a slow start.
   */
  want(instance: Instance | undefined, why = ''): void {
    if (instance === this.#asked) return;
    if (instance === undefined) [this.#notBefore, this.#why] = [0, why];
    this.#asked = instance;
    this.#wish = instance && { ...instance, since: instance.since ?? this.#wish?.since ?? this.#parts.clock.wall() };
    this.#next();
  }

  /** Resolves when wish and fact agree, or at `stop`. */
  settled(): Promise<void> {
    return this.#when(() => this.#agreed);
  }

  /** Resolves when nothing is wished for and the registry has confirmed that our node is gone (or its session is over), or at `stop`. */
  withdrawn(): Promise<void> {
    return this.#when(() => this.#wish === undefined && this.#agreed);
  }

  /** Peers may know of it now, so that it would be news to them that it has gone. */
  get stands(): boolean {
    return this.#stood || (this.#busy && this.#last !== undefined);
  }

  view(): AnnouncerView {
    const proof =
      this.#fact.kind === 'announced' && this.#certainty.holds(this.#parts.clock.now()) ? this.#fact.proof : undefined;
    return {
      service: this.#parts.service,
      wish: this.#wish ? 'announced' : 'withdrawn',
      fact: this.#fact.kind === 'announced' && !proof ? 'unknown' : this.#fact.kind,
      path: this.#path,
      provenAt: proof ? new Date(proof.at).toISOString() : null,
      zxid: proof ? proof.zxid : null,
      contested: this.#contest.held ?? null,
      failing: this.#failing,
    };
  }

  /** Does nothing more, and takes nothing away. */
  stop(): void {
    this.#stopped = true;
    this.#stopListening();
    for (const alarm of [this.#pause, this.#slowLook]) alarm.cancel();
    this.#settle();
  }

  get #agreed(): boolean {
    if (this.#wish === undefined) return this.#fact.kind === 'withdrawn';
    return this.#fact.kind === 'announced' && this.#fact.instance === this.#wish && !this.#doubted;
  }

  /** Takes the next step now, or arranges for it, or rests because all is well. */
  #next(): void {
    if (this.#busy || this.#stopped) return;
    const { clock, random, tree } = this.#parts;
    if (this.#agreed) {
      this.#settle();
      if (this.#wish) this.#slowLook.in(LOOK_MS * (0.75 + random() / 2));
      return;
    }
    for (const alarm of [this.#pause, this.#slowLook]) alarm.cancel();
    if (tree.session.state !== 'connected') return;
    if (clock.now() < this.#notBefore) return this.#pause.at(this.#notBefore);
    this.#busy = true;
    void this.#step().finally(() => {
      this.#busy = false;
      this.#next();
    });
  }

  async #step(): Promise<void> {
    const { registry, source, tree, clock } = this.#parts;
    const [wish, before, { epoch }] = [this.#wish, this.#fact, tree.session];
    this.#doubted = this.#refused = false;
    try {
      if (wish) {
        this.#last = wish;
        this.#writtenIn = epoch;
        if (before.kind !== 'announced' || before.instance !== wish || !this.#certainty.holds(clock.now()))
          this.#fact = { kind: 'unknown' };
        const changed = (): void => (this.#certainty.nodeChanged(), this.#doubt());
        const proof = await registry.put(wish, source, changed, this.#contest.yields(clock.now()));
        if (tree.session.epoch === epoch) this.#announced({ kind: 'announced', instance: wish, proof, epoch }, before);
      } else {
        // where another has our place, or we are refused or have been away, only what our sessions hold: a living twin is called by his
        const yields = this.#contest.held !== undefined || epoch !== this.#writtenIn;
        if (this.#last) await registry.remove(this.#last, source, yields);
        this.#withdrawn();
      }
    } catch (error) {
      this.#stood ||= !(error instanceof RegistryError && refusals.includes(error.code));
      this.#failed(error, wish, epoch);
    }
    if (wish && !this.#wish) this.#notBefore = 0; // the pause was for announcing
  }

  #announced(fact: Extract<Fact, { kind: 'announced' }>, before: Fact): void {
    const { service, emit, clock } = this.#parts;
    const { path, zxid, how } = fact.proof;
    const again = before.kind === 'announced' && before.epoch === fact.epoch && before.instance === fact.instance;
    this.#fact = fact;
    this.#stood = true;
    this.#certainty.proven();
    this.#failing = null;
    this.#path = path;
    this.#strangerSince = undefined;
    this.#contest.settled();
    if (again && how === 'found') return;
    if (again) {
      if (how === 'taken_over') this.#contest.lost(clock.now());
      emit({ kind: 'announcement_lost', service, path, ...lost[how] });
      this.#trouble();
    }
    emit({ kind: 'announced', service, path, zxid, how, weight: fact.instance.weight, drained: !fact.instance.up });
  }

  #withdrawn(): void {
    const { service, emit } = this.#parts;
    this.#fact = { kind: 'withdrawn' };
    this.#failing = null;
    this.#strangerSince = undefined;
    if (this.#stood && this.#contest.held === undefined) emit({ kind: 'withdrawn', service, path: this.#path, why: this.#why });
    this.#contest.settled();
    this.#last = undefined;
    this.#stood = false;
  }

  #failed(error: unknown, wish: Instance | undefined, epoch: number): void {
    const { service, emit, tree, clock, random } = this.#parts;
    this.#fact = { kind: 'unknown' };
    // without a session there is nothing to tell, and nothing to do until there is one
    const { session } = tree;
    if (isSessionTrouble(error) && (session.state !== 'connected' || session.epoch !== epoch)) return;
    let againInMs = this.#trouble();
    if (error instanceof RegistryError && error.code === 'node_exists') {
      this.#strangerSince ??= clock.now();
      if (this.#contest.yields(clock.now())) {
        if (this.#contest.left(error.message, clock.now()))
          emit({ kind: 'announcement_contested', service, path: this.#path, why: error.message });
        return;
      }
      if (clock.now() - this.#strangerSince < STRANGER_MS) return;
    }
    if (error instanceof RegistryError && error.code === 'refused') {
      againInMs = Math.round(REFUSED_MS * (0.5 + random()));
      this.#notBefore = clock.now() + againInMs;
      this.#refused = true;
      if (!this.#contest.left(error.message, clock.now())) return; // told already
    }
    this.#failing = `${wish ? '' : 'cannot withdraw: '}${error instanceof Error ? error.message : String(error)}`;
    emit({ kind: 'announce_failed', service, path: this.#path, why: this.#failing, isWithdrawal: !wish, againInMs });
  }

  /** Puts the next step off. */
  #trouble(): number {
    const now = this.#parts.clock.now();
    const pause = this.#setbacks.met(now);
    this.#notBefore = now + pause;
    return pause;
  }

  #doubt(): void {
    // the stranger whose end we wait for may have gone: no need to wait out the pause
    if (this.#strangerSince !== undefined || this.#refused)
      this.#notBefore = Math.min(this.#notBefore, this.#setbacks.at + PAUSE_FIRST_MS);
    this.#doubted = true;
    this.#next();
  }

  #onSession(session: Session): void {
    const { service, emit, clock, random } = this.#parts;
    this.#certainty.sessionIs(session, clock.now());
    if (this.#fact.kind === 'announced' && (isOver(session) || session.epoch !== this.#fact.epoch)) {
      this.#fact = { kind: 'unknown' };
      this.#lostSession = true;
      if (this.#wish) this.#stood = false;
      const why = `its session is ${isOver(session) ? session.state : 'over'}`;
      emit({ kind: 'announcement_lost', service, path: this.#path, by: 'session', why });
    }
    if (session.state === 'connected' && this.#lostSession) {
      // everybody lost it together: come back one after the other, since callers hold their last good list
      this.#lostSession = false;
      if (this.#wish) this.#notBefore = clock.now() + random() * Math.min(session.timeoutMs / 3, SPREAD_MOST_MS);
    }
    this.#next();
  }

  #when(over: () => boolean): Promise<void> {
    if (over() || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ over, resolve }));
  }

  #settle(): void {
    const done = this.#waiting.filter(({ over }) => this.#stopped || over());
    this.#waiting = this.#waiting.filter((each) => !done.includes(each));
    for (const { resolve } of done) resolve();
  }
}
