/**
 * What active checks say of an upstream's endpoints: rise and fall, and when each is due. Who nobody has checked yet is well: a check may put
 * out, it is no condition for coming in. It owns no socket and no timer; checker.ts asks who is due and tells how it went.
 *
 *     well ── `fall` fails in a row ──▶ ill ── `rise` passes in a row ──▶ well
 *
 * While the last check disagrees with what holds, or an endpoint is ill, the next one comes soon; of one that is ill and has passed, at once.
 * It does not wait for one that hangs: that would keep an ill one out for the rest of its timeout.
 */
import type { Endpoint } from './endpoint.js';
import { aboutEndpoint } from './facts.js';
import { Heap, type Placed } from './heap.js';
import type { Checked, Member } from './member.js';
import type { Emit, Random } from './ports.js';
import type { Enforced } from './enforced.js';
import type { Standings } from './standing.js';
import type { UpstreamStats } from './stats.js';

export interface CheckOptions {
  /** Absent: a connect is the whole check. */
  readonly path?: string;
  readonly intervalMs: number;
  readonly timeoutMs: number | undefined;
  readonly rise: number;
  readonly fall: number;
}

export interface ChecksParts {
  readonly upstream: string;
  readonly standings: Standings;
  readonly random: Random;
  readonly emit: Emit;
  readonly stats: UpstreamStats;
  readonly enforced: Enforced;
  readonly options: CheckOptions;
  readonly changed: () => void;
  /** One that was ill is well. */
  readonly recovered: (member: Member, now: number) => void;
}

const soonMs = 500;
const confirmMs = 50;
const jitter = 0.1;
/** Of one endpoint that is ill. */
const mostAtOnce = 2;

export class Check implements Checked, Placed {
  place = -1;
  dueAt = 0;
  why: string | undefined;
  illSince: number | undefined;
  /** Results in a row that disagree with what holds. */
  against = 0;
  /** How many of it run, when the last one began, and when the last one began that has ended. */
  running = 0;
  beganAt = -Infinity;
  heardOf = -Infinity;
  readonly member: Member;

  constructor(member: Member) {
    this.member = member;
  }

  get endpoint(): Endpoint {
    return this.member.endpoint;
  }
}

export class Checks {
  #options: CheckOptions;
  readonly #parts: ChecksParts;
  readonly #due = new Heap<Check>((a, b) => a.dueAt < b.dueAt);

  constructor(parts: ChecksParts) {
    this.#options = parts.options;
    this.#parts = parts;
  }

  get options(): CheckOptions {
    return this.#options;
  }

  /** Others from now on, for these members. What holds of each stays until the new checks have said otherwise. */
  change(options: CheckOptions, members: Iterable<Member>, now: number): void {
    this.#options = options;
    for (const { check } of members)
      if (check instanceof Check && check.place >= 0) {
        this.#due.remove(check);
        this.#beginSoon(check, now);
      }
  }

  /** It is not checked any more, and nothing that checks have said speaks against it. */
  end(member: Member): void {
    this.left(member);
    member.check = undefined;
    this.#parts.standings.set(member, 'ill', false);
  }

  /** A newcomer: its first check comes soon, and those of many not at once. */
  joined(member: Member, now: number): void {
    const check = new Check(member);
    member.check = check;
    this.#beginSoon(check, now);
  }

  left({ check }: Member): void {
    if (check instanceof Check) this.#due.remove(check);
  }

  /** Calls have put it out: its next check comes soon, and sees how it is as long as it is so. */
  soon({ check }: Member, now: number): void {
    const ms = soonMs * this.#parts.random();
    if (check instanceof Check && check.place >= 0 && check.dueAt > now + ms) this.#dueIn(check, ms, now);
  }

  /** Those whose time has come, so many at most; each is due again only after `ended` or `skipped`, but for one that is ill. */
  take(now: number, most: number): Check[] {
    const taken: Check[] = [];
    for (let first = this.#due.first; first !== undefined && first.dueAt <= now && taken.length < most; first = this.#due.first) {
      this.#due.remove(first);
      taken.push(first);
      first.beganAt = now;
      if (++first.running < mostAtOnce && first.member.against.ill) this.#again(first, now);
    }
    return taken;
  }

  /** `why`: what was wrong; undefined: it passed. `began`: when; one that is older than one that has ended says nothing any more. */
  ended(check: Check, why: string | undefined, now: number, began = now): void {
    const { member } = check;
    check.running--;
    if (!this.#counts(check) || began < check.heardOf) return;
    check.heardOf = began;
    const { ill } = member.against;
    const { rise, fall } = this.options;
    if (why !== undefined) check.why = why;
    const failed = why !== undefined;
    check.against = failed === ill ? 0 : check.against + 1;
    if (check.against >= (ill ? rise : fall)) this.#turn(check, !ill, now);
    this.#again(check, now);
  }

  /** What ends before its time what else speaks against one that they find ill, in words; undefined: they do not. */
  sooner({ against, check }: Member): string | undefined {
    const { path, rise } = this.options;
    if (!against.ill || !this.#parts.enforced.checks || path === undefined) return undefined;
    return `after ${rise === 1 ? 'a pass' : `${rise} passes in a row`} of its checks, which find it ill too (${check?.why})`;
  }

  /** It could not be done, for want of something of ours: that says nothing. */
  skipped(check: Check, now: number): void {
    check.running--;
    if (this.#counts(check)) this.#again(check, now);
  }

  /** It may have left, or the checks may have ended, while one ran. */
  #counts(check: Check): boolean {
    return check.member.listed && check.member.check === check;
  }

  #beginSoon(check: Check, now: number): void {
    this.#dueIn(check, Math.min(this.options.intervalMs, 2 * soonMs) * this.#parts.random(), now);
  }

  #again(check: Check, now: number): void {
    const { intervalMs } = this.options;
    const { ill } = check.member.against;
    const settled = check.against === 0 && !ill;
    if (check.place >= 0 && ill && check.against === 0) return; // stands in line already
    const soon = ill && check.against > 0 ? confirmMs : soonMs; // it waits for nothing but the rest of its passes
    const ms = settled ? intervalMs : Math.min(intervalMs, soon);
    const from = ill && check.against === 0 ? Math.min(check.beganAt, now) : now;
    this.#dueIn(check, from + ms * (1 + jitter * (2 * this.#parts.random() - 1)) - now, now);
  }

  #turn(check: Check, ill: boolean, now: number): void {
    const { upstream, standings, emit, stats, enforced, changed, recovered } = this.#parts;
    check.against = 0;
    check.illSince = ill ? now : undefined;
    const about = aboutEndpoint(upstream, check.endpoint, enforced.checks);
    if (ill && !enforced.checks) stats.wouldHave.checks++;
    if (ill) emit({ kind: 'endpoint_ill', ...about, why: check.why ?? '' });
    else emit({ kind: 'endpoint_well', ...about });
    standings.set(check.member, 'ill', ill);
    if (!ill && this.options.path !== undefined && enforced.checks) recovered(check.member, now);
    changed();
  }

  #dueIn(check: Check, ms: number, now: number): void {
    this.#due.remove(check);
    check.dueAt = now + ms;
    this.#due.add(check);
  }
}
