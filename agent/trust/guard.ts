/**
 * Stands between the lists of one service and its upstream: whoever trust.ts doubts goes to the data path with a doubt, which asks the
 * prover before a new connection is made, and tells what came of it. A runner: after a mass drop it looks at once whether those who are kept
 * can be reached, and asks the registry, when fleets have had the time to announce themselves again, whether they are really gone.
 */
import { dial } from '../../lb/dial.js';
import { address, type Doubt, type Endpoint } from '../../lb/endpoint.js';
import type { Emit } from '../events.js';
import { Alarm } from '../registry/alarm.js';
import { ReadSlots } from '../registry/read-slots.js';
import { tellMs } from '../registry/pace.js';
import type { Clock, Random } from '../system.js';
import type { Proof, Suspect } from './prover.js';
import type { Patch } from '../patched.js';
import type { Braked } from './mass-drop.js';
import { DOUBTS, Trust, type Listed, type Standing, type Why } from './trust.js';

export interface GuardParts {
  readonly upstream: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly prove: (suspect: Suspect) => Promise<Proof>;
  readonly suspectOf: (endpoint: Endpoint, why: Why) => Suspect;
  /** The names of the nodes that the registry has now, after a sync. */
  readonly names: () => Promise<ReadonlySet<string>>;
  /** It may change while this runs. */
  readonly connectTimeoutMs: () => number | undefined;
  readonly onEndpoints: (endpoints: readonly Endpoint[]) => void;
}

/** Sessions that ended together are announced again within 5 s; nobody is let go before. */
const CONFIRM_MS = 10_000;
const CONFIRM_SPREAD_MS = 2_000;
const AGAIN_MS = 5_000;
/** Looks at kept endpoints that are out at one time, and over how long those of many sidecars are spread. */
const LOOKS = 8;
const LOOK_SPREAD_MS = 1_000;
const FEW = 20;

export class Guard {
  readonly #parts: GuardParts;
  readonly #trust = new Trust();
  readonly #due: Alarm;
  readonly #confirms: Alarm;
  readonly #slots = new ReadSlots(LOOKS);
  /** What has changed one by one since the data path was told; a list is told at once. */
  readonly #tells: Alarm;
  #toldAt = -Infinity;
  /** Of the last list; none where nobody is doubted. */
  #standings: readonly Standing[] = [];
  /** The doubtful ones as the data path knows them: who is doubted on is the same to it. */
  #doubted = new Map<Endpoint, Endpoint>();
  #stopped = false;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#due = new Alarm(parts.clock, () => {
      this.#trust.expire(parts.clock.now());
      this.#tell();
    });
    this.#tells = new Alarm(parts.clock, () => this.#tell());
    this.#confirms = new Alarm(parts.clock, () => void this.#confirm());
  }

  /** The whole list of now; see Trust. */
  heard(listed: readonly Listed[], excused: ReadonlySet<string>): void {
    const braked = this.#trust.heard(listed, excused, this.#parts.clock.now());
    this.#tell();
    this.#brake(braked);
  }

  /** The same where all of it is confirmed, as it was before. */
  changed({ gone, joined, found }: Patch, excused: ReadonlySet<string>): void {
    const braked = this.#trust.changed(gone, joined, excused, this.#parts.clock.now());
    this.#tell(found.endpoints);
    this.#brake(braked);
  }

  #brake(braked: Braked | undefined): void {
    const { upstream, clock, random, emit } = this.#parts;
    if (braked === undefined) return;
    emit({ kind: 'mass_drop', upstream, ...braked });
    this.#confirms.in(CONFIRM_MS + random() * CONFIRM_SPREAD_MS);
    const kept = this.#standings.filter(({ why }) => why === 'mass_drop');
    const spread = kept.length > FEW ? LOOK_SPREAD_MS : 0;
    for (const { endpoint } of kept) clock.after(random() * spread, () => void this.#slots.run(() => this.#look(endpoint)));
  }

  /** Somebody is kept whom the registry does not name any more. */
  get holding(): boolean {
    return this.#trust.kept.length > 0;
  }

  /** How many are doubtful now. */
  get doubtful(): number {
    return this.#standings.filter(({ why }) => why !== undefined).length;
  }

  /** How many an operator has dropped. */
  get dropped(): number {
    return this.#trust.dropped;
  }

  /** An operator knows better. Answers with how many that changes. */
  overrule(what: 'trust' | 'drop'): number {
    const changed = this.#trust.overrule(what, this.#parts.clock.now());
    if (changed > 0) this.#parts.emit({ kind: 'doubts_overruled', upstream: this.#parts.upstream, what, endpoints: changed });
    this.#tell();
    return changed;
  }

  stop(): void {
    this.#stopped = true;
    this.#due.cancel();
    this.#confirms.cancel();
    this.#tells.cancel();
  }

  /** `listed`: all who are, and all of them are confirmed. */
  #tell(listed?: readonly Endpoint[]): void {
    if (this.#stopped) return;
    const now = this.#parts.clock.now();
    this.#tells.cancel();
    this.#toldAt = now;
    if (listed !== undefined && this.#trust.isWhole) {
      this.#standings = [];
      this.#doubted.clear();
      this.#due.cancel();
      return this.#parts.onEndpoints(listed);
    }
    this.#standings = this.#trust.standings(now);
    const before = this.#doubted;
    this.#doubted = new Map();
    this.#parts.onEndpoints(
      this.#standings.map(({ endpoint, why }) => {
        if (why === undefined) return endpoint;
        const known = before.get(endpoint);
        const doubted = known?.doubt?.why === DOUBTS[why] ? known : { ...endpoint, doubt: this.#doubt(endpoint, why) };
        this.#doubted.set(endpoint, doubted);
        return doubted;
      }),
    );
    const { dueAt } = this.#trust;
    this.#due.cancel();
    if (dueAt !== undefined) this.#due.at(Math.max(dueAt, now + 1));
  }

  #doubt(endpoint: Endpoint, why: Why): Doubt {
    const { prove, suspectOf } = this.#parts;
    return {
      why: DOUBTS[why],
      kept: why !== 'returned',
      ask: (done) => {
        let givenUp = false;
        void prove(suspectOf(endpoint, why)).then((proof) => {
          this.#learn(endpoint, proof);
          if (!givenUp) done('why' in proof ? proof.why : undefined);
        });
        return () => {
          givenUp = true;
        };
      },
      failed: (reason) => this.#failed(endpoint, false, reason),
    };
  }

  #learn(endpoint: Endpoint, proof: Proof): void {
    if (this.#stopped || proof.kind === 'foreign') return;
    if (proof.kind === 'same') {
      if (this.#trust.proven(address(endpoint))) this.#tellSoon();
    } else this.#failed(endpoint, proof.kind === 'other' || proof.kind === 'withdrawn', proof.why);
  }

  #failed(endpoint: Endpoint, proved: boolean, why: string): void {
    const { upstream, clock, emit } = this.#parts;
    if (this.#stopped || !this.#trust.failed(address(endpoint), proved, clock.now())) return;
    emit({ kind: 'doubtful_dropped', upstream, endpoint: address(endpoint), why });
    this.#tellSoon();
  }

  /** At once for one; many of many cost a whole list each. */
  #tellSoon(): void {
    this.#tells.at(this.#toldAt + tellMs(this.#standings.length));
  }

  /** A proof and a connection, for no call: whoever is dead or withdrawn should not cost one. */
  async #look(endpoint: Endpoint): Promise<void> {
    const { clock, connectTimeoutMs } = this.#parts;
    const standing = this.#standings.find((one) => one.endpoint === endpoint);
    if (this.#stopped || standing?.why !== 'mass_drop') return;
    const doubt = this.#doubt(endpoint, 'mass_drop');
    await new Promise<void>((resolve) => {
      dial({ ...endpoint, doubt }, { clock, connectTimeoutMs: connectTimeoutMs() }, (socket) => {
        if ('destroy' in socket) socket.destroy();
        resolve();
      });
    });
  }

  async #confirm(): Promise<void> {
    const { upstream, names, suspectOf, random, emit } = this.#parts;
    if (this.#stopped || this.#trust.kept.length === 0) return;
    try {
      const there = await names();
      const nodeOf = (endpoint: Endpoint): string => suspectOf(endpoint, 'mass_drop').meant.id ?? endpoint.id;
      const gone = this.#trust.kept.filter((endpoint) => !there.has(nodeOf(endpoint))).map(address);
      this.#trust.confirmGone(gone);
      if (gone.length > 0) emit({ kind: 'mass_drop_confirmed', upstream, endpoints: gone.length });
      this.#tell();
    } catch {
      this.#confirms.in(AGAIN_MS * (0.5 + random())); // no session: it will be asked when there is one, and 60 s are the end either way
    }
  }
}
