/** How an upstream is, in a word, and since when: for people and for alerts. Looked at when something has changed, never by a call. */
import type { Member } from './member.js';
import type { Clock } from './ports.js';
import type { Standings } from './standing.js';

export interface UpstreamVerdict {
  /** waiting: no list has come; empty: none that may get calls, or none in the subset that they are held to; ill: somebody is out; else well. */
  readonly state: 'well' | 'ill' | 'empty' | 'waiting';
  /** When that began, milliseconds since 1970. */
  readonly since: number;
  /** Endpoints that are out: their circuit is not closed, they are ejected, or the checks find them ill. Not what is in the shadow. */
  readonly out: number;
  readonly total: number;
  /** Less than the panic share is well: opinions about endpoints are pardoned. */
  readonly panic: boolean;
  /** The subset that calls go to which ask for none, where nobody is in it: `version=canary`. */
  readonly lacks?: string;
  /** Calls lost since the process began. */
  readonly lost: number;
  /** Retries for every hundred calls of the last seconds, and how many may be. */
  readonly retryPercent: number;
  readonly retryBudgetPercent: number;
}

/** Keeps since when it has been as it is. */
export class Judgement {
  state: UpstreamVerdict['state'] = 'waiting';
  since: number;
  out = 0;
  /** Those of them whose circuit is not closed. */
  open = 0;
  hasWeight = false;
  lacks: string | undefined;
  readonly #clock: Pick<Clock, 'wall'>;
  readonly #standings: Pick<Standings, 'isOpen' | 'isBlamed'>;

  constructor(clock: Pick<Clock, 'wall'>, standings: Pick<Standings, 'isOpen' | 'isBlamed'>) {
    this.#clock = clock;
    this.#standings = standings;
    this.since = clock.wall();
  }

  /** Its part of the verdict. */
  get told(): Pick<UpstreamVerdict, 'state' | 'since' | 'out' | 'lacks'> {
    const { state, since, out, lacks } = this;
    return { state, since, out, ...(lacks !== undefined && { lacks }) };
  }

  /** `lacks`: the subset that calls are held to, where nobody is in it. */
  look(listed: boolean, members: Iterable<Member>, lacks: string | undefined): void {
    this.lacks = lacks;
    this.out = this.open = 0;
    this.hasWeight = false;
    for (const member of members) {
      const isOpen = this.#standings.isOpen(member);
      if (isOpen) this.open++;
      if (isOpen || this.#standings.isBlamed(member)) this.out++;
      if (member.weight > 0) this.hasWeight = true;
    }
    const state = !listed ? 'waiting' : !this.hasWeight || lacks !== undefined ? 'empty' : this.out > 0 ? 'ill' : 'well';
    if (state === this.state) return;
    this.state = state;
    this.since = this.#clock.wall();
  }
}
