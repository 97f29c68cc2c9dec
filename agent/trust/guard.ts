/**
 * Stands between the lists of one service and its upstream: whoever trust.ts doubts goes to the data path with a doubt, which asks the
 * prover before a new connection is made, and tells what came of it. A runner: after a mass drop it looks at once whether those who are kept
 * can be reached, and asks the registry, when fleets have had the time to announce themselves again, whether they are really gone.
 */
import { dial } from '../../lb/dial.js';
import { address, addressOf, type Endpoint } from '../../lb/endpoint.js';
import type { Emit } from '../events.js';
import { MOST_LEAVE } from '../leavers.js';
import { Alarm } from '../registry/alarm.js';
import { tellMs } from '../registry/pace.js';
import type { Clock, Random } from '../system.js';
import type { Proof, Suspect } from './prover.js';
import type { Patch } from '../patched.js';
import { Doubts } from './doubts.js';
import type { Braked } from './mass-drop.js';
import { Trust, type Listed, type Why } from './trust.js';

export interface GuardParts {
  readonly upstream: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly prove: (suspect: Suspect) => Promise<Proof>;
  readonly suspectOf: (endpoint: Endpoint, why: Why) => Suspect;
  /** The name of the node that it was made of. */
  readonly nodeOf: (endpoint: Endpoint) => string;
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
  /** Whom to look at, the first of them last, and how many looks are out. */
  #looks: { readonly endpoint: Endpoint; readonly at: number }[] = [];
  #looking = 0;
  readonly #looksDue: Alarm;
  /** What has changed one by one since the data path was told; a list is told at once. */
  readonly #tells: Alarm;
  #toldAt = -Infinity;
  #told: readonly Endpoint[] = [];
  readonly #doubts: Doubts;
  /** Some of those who leave a list have not left it yet. */
  #isAhead = false;
  /** How many of those whom the data path was told last. */
  #doubtful = 0;
  #stopped = false;

  constructor(parts: GuardParts) {
    const { prove, suspectOf } = parts;
    this.#parts = parts;
    this.#doubts = new Doubts({
      prove: (endpoint, why) => prove(suspectOf(endpoint, why)),
      proven: (endpoint, proof) => this.#learn(endpoint, proof),
      failed: (endpoint, why) => this.#failed(endpoint, false, why),
    });
    this.#due = new Alarm(parts.clock, () => {
      this.#trust.expire(parts.clock.now());
      this.#tell();
    });
    this.#tells = new Alarm(parts.clock, () => this.#tell());
    this.#looksDue = new Alarm(parts.clock, () => this.#goOnLooking());
    this.#confirms = new Alarm(parts.clock, () => void this.#confirm());
  }

  /** The whole list of now; see Trust. */
  heard(listed: readonly Listed[], excused: ReadonlySet<string>): void {
    const braked = this.#trust.heard(listed, excused, this.#parts.clock.now());
    this.#isAhead = false;
    this.#tell();
    this.#brake(braked);
  }

  /** The same where all of it is confirmed, as it was before. `ahead`: so many more leave in the next turns, and the data path is told after the last. */
  changed({ gone, joined, found }: Patch, excused: ReadonlySet<string>, ahead = 0): void {
    const braked = this.#trust.changed(gone, joined, excused, this.#parts.clock.now(), ahead);
    if (ahead === 0 && this.#isAhead) this.#tells.in(1);
    else if (ahead === 0) this.#tell(found.endpoints);
    this.#isAhead = ahead > 0;
    this.#brake(braked);
  }

  /** The same list, of which all is to be believed otherwise now. */
  retold(why: Listed['why']): void {
    this.#trust.retold(why, this.#parts.clock.now());
    this.#tell();
  }

  #brake(braked: Braked | undefined): void {
    const { upstream, clock, random, emit } = this.#parts;
    if (braked !== undefined) emit({ kind: 'mass_drop', upstream, ...braked });
    const kept = this.#trust.newlyKept();
    if (kept.length === 0) return;
    this.#confirms.cancel(); // the last of them has his time as well
    this.#confirms.in(CONFIRM_MS + random() * CONFIRM_SPREAD_MS);
    const spread = kept.length + this.#looks.length > FEW ? LOOK_SPREAD_MS : 0;
    const now = clock.now();
    const looks = kept.map((endpoint) => ({ endpoint, at: now + random() * spread }));
    this.#looks = [...this.#looks, ...looks].sort((one, other) => other.at - one.at);
    this.#looksDue.in(1);
  }

  /** Those whose time has come, a few at one time. */
  #goOnLooking(): void {
    const now = this.#parts.clock.now();
    for (let next = this.#looks.at(-1); next !== undefined && this.#looking < LOOKS; next = this.#looks.at(-1)) {
      if (this.#stopped || next.at > now) break;
      this.#looks.pop();
      if (!this.#trust.isKept(next.endpoint)) continue;
      this.#looking++;
      void this.#look(next.endpoint).then(() => {
        this.#looking--;
        this.#goOnLooking();
      });
    }
    const next = this.#looks.at(-1);
    if (!this.#stopped && next !== undefined && next.at > now) this.#looksDue.at(next.at);
  }

  /** Somebody is kept whom the registry does not name any more. */
  get holding(): boolean {
    return this.#trust.holds;
  }

  /** How many are doubtful now. */
  get doubtful(): number {
    return this.#doubtful;
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
    for (const alarm of [this.#due, this.#confirms, this.#looksDue, this.#tells]) alarm.cancel();
  }

  /** `listed`: all who are, and all of them are confirmed. */
  #tell(listed?: readonly Endpoint[]): void {
    if (this.#stopped) return;
    const now = this.#parts.clock.now();
    this.#tells.cancel();
    this.#toldAt = now;
    this.#doubtful = 0;
    const said = (endpoint: Endpoint, why?: Why): Endpoint => {
      if (why !== undefined) this.#doubtful++;
      return this.#doubts.about(endpoint, why);
    };
    const isWhole = listed !== undefined && this.#trust.isWhole;
    const endpoints = isWhole
      ? listed.map((endpoint) => said(endpoint))
      : this.#trust.standings(now).map(({ endpoint, why }) => said(endpoint, why));
    if (!isWhole) endpoints.sort(byId); // who is kept stands where he stood
    const staying = this.#heldUp(endpoints);
    endpoints.push(...staying);
    if (staying.length > 0) endpoints.sort(byId);
    this.#told = endpoints;
    this.#parts.onEndpoints(endpoints);
    if (staying.length > 0) this.#tells.in(1); // from now on, since this has taken its time
    const { dueAt } = isWhole ? { dueAt: undefined } : this.#trust;
    this.#due.cancel();
    if (dueAt !== undefined) this.#due.at(Math.max(dueAt, now + 1));
  }

  /** Those for whom the next turns are: of thousands who leave at one time each has connections that close, and calls go on meanwhile. */
  #heldUp(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    if (mayLeave(this.#told, endpoints) <= MOST_LEAVE) return [];
    const called = new Set(endpoints.flatMap((one) => [addressOf(one), one.id])); // whoever has been replaced does not stay
    return this.#told.filter((one) => !called.has(addressOf(one)) && !called.has(one.id)).slice(MOST_LEAVE);
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
    this.#tells.at(this.#toldAt + tellMs(this.#told.length));
  }

  /** A proof and a connection, for no call: whoever is dead or withdrawn should not cost one. */
  async #look(endpoint: Endpoint): Promise<void> {
    const { clock, connectTimeoutMs } = this.#parts;
    await new Promise<void>((resolve) => {
      dial(this.#doubts.about(endpoint, 'mass_drop'), { clock, connectTimeoutMs: connectTimeoutMs() }, (socket) => {
        if ('destroy' in socket) socket.destroy();
        resolve();
      });
    });
  }

  async #confirm(): Promise<void> {
    const { upstream, names, nodeOf, random, emit } = this.#parts;
    if (this.#stopped || !this.#trust.holds) return;
    try {
      const there = await names();
      const gone = this.#trust.kept.filter((endpoint) => !there.has(nodeOf(endpoint))).map(addressOf);
      this.#trust.confirmGone(gone);
      if (gone.length > 0) emit({ kind: 'mass_drop_confirmed', upstream, endpoints: gone.length });
      this.#tells.in(1); // of thousands this has taken its time
    } catch {
      this.#confirms.in(AGAIN_MS * (0.5 + random())); // no session: it will be asked when there is one, and 60 s are the end either way
    }
  }
}

const byId = (one: Endpoint, other: Endpoint): number => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);

/** How many of `before` are not in `after`: one walk, exact where both have the order of ids, and never too few. */
function mayLeave(before: readonly Endpoint[], after: readonly Endpoint[]): number {
  let [stay, first, second] = [0, 0, 0];
  while (first < before.length && second < after.length) {
    const [one, other] = [before[first]!, after[second]!];
    if (one === other) {
      stay++;
      first++;
      second++;
    } else if (one.id <= other.id) first++;
    else second++;
  }
  return before.length - stay;
}
