/**
 * Who of the endpoints answers worse than its peers. It judges by answers alone; who cannot be reached is the circuit's affair. It owns no
 * timer: what it knows ages in two intervals, and is turned over by whoever asks first after the end of one. What follows from its evidence
 * (ejections.ts) it does not know.
 *
 * in a row    so many 5xx. 502, 503 and 504 always count; 501 and 505 never, for they say what the endpoint cannot do. Any other counts only
 *             while its peers do better: a run of n is evidence when peers, failing at their rate, would show it less than once in a
 *             million, so that a request that nobody can answer is held against nobody. So does a hedged call that a peer, asked later, has
 *             answered first: its peers do all of its work, and it may never answer at all.
 * success     Envoy's: of 5 endpoints or more with 100 answers in the interval, below mean - 1.9 deviations; and 5 points below the mean,
 *             for where all are perfect one slip is a deviation.
 * latency     the same endpoints: beyond three times the median, and 100 ms beyond it.
 */
import type { Outcome } from './outcome.js';

export interface OutlierOptions {
  /** False: nobody is ejected. */
  readonly on: boolean;
  /** Bad answers in a row. */
  readonly failures: number;
  readonly intervalMs: number;
  /** An ejection lasts so long, times its count, at most `maxEjectionMs`. */
  readonly ejectionMs: number;
  readonly maxEjectionMs: number;
  /** 0 to 100: of the endpoints, but one at least, may be out at one time. */
  readonly maxPercent: number;
  readonly minHosts: number;
  readonly minAnswers: number;
  readonly deviations: number;
}

export const defaultOutlier: OutlierOptions = {
  on: true,
  failures: 5,
  intervalMs: 10_000,
  ejectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxPercent: 30,
  minHosts: 5,
  minAnswers: 100,
  deviations: 1.9,
};

/**
 * What is known of the answers of one endpoint, in this interval and the one before. Small integers, which stand beside what else a call looks at
 * of its endpoint (member.ts): of thousands each call finds its own cold in memory, and pays for every line of it.
 */
export interface Answers {
  answered: number;
  /** What they took, in tenths of a millisecond. */
  tenths: number;
  bad: number;
  /** Of the last bad ones in a row, so many had the same status. */
  alike: number;
  answeredBefore: number;
  badBefore: number;
  /** Bad ones in a row: those that always count, and those that may. */
  gateway: number;
  other: number;
  outpaced: number;
  /** 0: it was outpaced. */
  lastStatus: number;
  /** Of all, those that were not waited for, as a peer that was asked later came first. */
  outrun: number;
  outrunBefore: number;
}

export const noAnswers = (): Answers => ({
  answered: 0,
  tenths: 0,
  bad: 0,
  alike: 0,
  answeredBefore: 0,
  badBefore: 0,
  gateway: 0,
  other: 0,
  outpaced: 0,
  lastStatus: 0,
  outrun: 0,
  outrunBefore: 0,
});

/** The last one was good, or is taken for that. */
export function endRow(answers: Answers): void {
  answers.gateway = answers.other = answers.outpaced = answers.alike = 0;
}

/** 501 and 505 say what an endpoint cannot do. */
export const isBad = (status: number): boolean => status >= 500 && status !== 501 && status !== 505;

const byChance = 1e-6;
/** Fewer answers of peers say nothing about them; and a few that are all good may hide so much of a bad one. */
const fewestOfPeers = 3;
const unseenBad = 0.3;
const leastLag = 0.05;
const slower = 3;
const slowerMs = 100;

export class OutlierDetector {
  readonly options: OutlierOptions;
  readonly #all = noAnswers();
  /** When the interval began. */
  #turnedAt: number;

  constructor(options: OutlierOptions, now: number) {
    this.options = options;
    this.#turnedAt = now;
  }

  /** One attempt has ended. The answer: why its endpoint is to be ejected, if so. */
  seen(answers: Answers, outcome: Outcome): string | undefined {
    if (outcome.kind === 'ignored' || !this.options.on) return undefined;
    if (outcome.kind === 'failure') {
      if (!outcome.code.startsWith('connect_') && outcome.code !== 'unproven') this.#add(answers, 0, 1); // reached, and no answer
      return undefined;
    }
    if (outcome.kind === 'outpaced') return this.#outpaced(answers, outcome.ms);
    const { status = 200, ms } = outcome;
    const bad = isBad(status);
    this.#add(answers, ms, bad ? 1 : 0);
    if (!bad) {
      if (answers.alike > 0) endRow(answers);
      return undefined;
    }
    note(answers, status);
    if (status >= 502 && status <= 504) answers.gateway++;
    else answers.other++;
    return this.#inRow(answers);
  }

  /** The interval is over: `turn` is due. */
  due(now: number): boolean {
    return this.options.on && now - this.#turnedAt >= this.options.intervalMs;
  }

  /** Compares all of them over the interval that has ended, and begins a new one. Gives who stood out. */
  turn<T extends Answers>(members: readonly T[], now: number): readonly { readonly member: T; readonly why: string }[] {
    const passed = Math.floor((now - this.#turnedAt) / this.options.intervalMs);
    this.#turnedAt += passed * this.options.intervalMs;
    const outliers = passed === 1 ? this.#outliers(members) : []; // later, it is no news
    for (const member of members) age(member, passed);
    age(this.#all, passed);
    return outliers;
  }

  #outpaced(answers: Answers, ms: number): string | undefined {
    this.#add(answers, ms, 0);
    answers.outrun++;
    this.#all.outrun++;
    answers.outpaced++;
    note(answers, 0);
    return this.#inRow(answers);
  }

  #add(answers: Answers, ms: number, bad: 0 | 1): void {
    count(answers, ms, bad);
    count(this.#all, ms, bad);
  }

  #inRow(answers: Answers): string | undefined {
    const run = runOf(answers);
    const { failures } = this.options;
    if (run < failures) return undefined;
    const better = this.#peersDoBetter(answers, run);
    if (answers.gateway + (better ? answers.other + answers.outpaced : 0) < failures) return undefined;
    const what = words(answers, run);
    if (answers.outpaced === run) return what;
    return better ? `${what} while its peers did better` : what;
  }

  #peersDoBetter(own: Answers, run: number): boolean {
    const all = this.#all;
    const answers = all.answered + all.answeredBefore - own.answered - own.answeredBefore;
    const bad = all.bad + all.badBefore - own.bad - own.badBefore + all.outrun + all.outrunBefore - own.outrun - own.outrunBefore;
    return answers >= fewestOfPeers && ((bad + unseenBad) / (answers + 1)) ** run < byChance;
  }

  #outliers<T extends Answers>(members: readonly T[]): { member: T; why: string }[] {
    const { minHosts, minAnswers, deviations } = this.options;
    const hosts = members.filter(({ answered }) => answered >= minAnswers);
    if (hosts.length < minHosts) return [];
    const rates = hosts.map(({ answered, bad }) => 1 - bad / answered);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const deviation = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length);
    const times = hosts.map(({ answered, tenths }) => tenths / 10 / answered);
    const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
    return hosts.flatMap((member, index) => {
      const [rate, ms] = [rates[index]!, times[index]!];
      if (rate < mean - deviations * deviation && mean - rate >= leastLag)
        return [{ member, why: `${percent(rate)} of its answers were good, where all together had ${percent(mean)}` }];
      if (ms > median * slower && ms > median + slowerMs)
        return [
          { member, why: `its answers took ${Math.round(ms)} ms, where half of its peers took ${Math.round(median)} ms or less` },
        ];
      return [];
    });
  }
}

function count(answers: Answers, ms: number, bad: 0 | 1): void {
  answers.answered++;
  answers.bad += bad;
  answers.tenths += Math.round(ms * 10);
}

function age(answers: Answers, passed: number): void {
  answers.answeredBefore = passed === 1 ? answers.answered : 0;
  answers.badBefore = passed === 1 ? answers.bad : 0;
  answers.answered = answers.bad = answers.tenths = 0;
  answers.outrunBefore = passed === 1 ? answers.outrun : 0;
  answers.outrun = 0;
}

/** One more bad one in a row. `status` 0: it was outpaced. */
function note(answers: Answers, status: number): void {
  answers.alike = status === answers.lastStatus ? answers.alike + 1 : 1;
  answers.lastStatus = status;
}

const runOf = ({ gateway, other, outpaced }: Answers): number => gateway + other + outpaced;

/** The row that it is in, and when that counts; undefined: its last answer was good. */
export function rowOf(answers: Answers): { readonly why: string; readonly whether: string } | undefined {
  const run = runOf(answers);
  return run === 0
    ? undefined
    : { why: words(answers, run), whether: answers.gateway === run ? '' : ' while its peers do better' };
}

function words({ alike, lastStatus, outpaced }: Answers, run: number): string {
  if (outpaced === run && run === 1) return '1 hedged call was answered first by a peer that was asked later';
  if (outpaced === run) return `${run} hedged calls in a row were answered first by a peer that was asked later`;
  if (alike === run) return run === 1 ? `1 answer of ${lastStatus}` : `${run} answers of ${lastStatus} in a row`;
  return `${run} bad answers in a row, the last: ${lastStatus === 0 ? 'later than that of a peer that was asked later' : lastStatus}`;
}

const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
