/**
 * One workload: all contenders are started, warmed, and then asked in turn, round after round, so that whatever the machine does meanwhile
 * it does to all of them. Each round begins with another one.
 *
 * A round in which others used more than a third of a core is repeated, as long as the workload has repeats left; after that it counts,
 * and is marked as noisy.
 */
import type { Contender } from './contenders/contender.js';
import { House, type Started } from './house.js';
import { measure, warm, type Sample } from './measure.js';
import type { Workload } from './workloads.js';

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  /** Noisy rounds are repeated, twice as many samples as there are rounds. */
  readonly repeats: boolean;
  /** Of the proxy, and of load and backend. */
  readonly cores: readonly [number, number];
}

export interface Round extends Sample {
  readonly isNoisy: boolean;
}

export type Tell = (text: string) => void;

/** More than this of one core makes a round noisy. */
export const QUIET_CORES = 1 / 3;

/** Of its core, before a contender is measured that is not compiled while it runs. */
const STARTED_MS = 200;

/** A run whose measurements are shorter, in seconds, is a trial that wants no settled numbers: contenders get that share of their time. */
const SETTLED_FROM = 0.5;
export const settledShare = ({ seconds }: Pick<Plan, 'seconds'>): number => (seconds < SETTLED_FROM ? seconds : 1);

export async function playCalls(
  workload: Workload,
  contenders: readonly Contender[],
  plan: Plan,
  tell: Tell,
): Promise<Map<string, Round[]>> {
  const core = plan.cores[1];
  const { load } = workload;
  const house = await House.open(workload, plan.cores);
  try {
    const all: Started[] = [];
    for (const contender of contenders) {
      tell(`starting and warming ${contender.title}`);
      const started = await house.start(contender);
      all.push(started);
      await warm(started.process, started.port, load, contender.settlesInMs ?? STARTED_MS, core, settledShare(plan));
    }
    const results = new Map<string, Round[]>(contenders.map(({ id }) => [id, []]));
    let repeats = plan.repeats ? 2 * plan.rounds : 0;
    const seconds = load.rate === undefined ? plan.seconds : 2 * plan.seconds; // for the last of a thousand calls there must be thousands
    for (let round = 0; round < plan.rounds; round++) {
      for (const { contender, process, port } of rotated(all, round)) {
        for (;;) {
          tell(`round ${round + 1} of ${plan.rounds}: ${contender.title}`);
          const sample = await measure(process, port, load, { seconds, warmSeconds: 0.1, core }, house.mine);
          const isNoisy = sample.othersCores > QUIET_CORES;
          if (isNoisy && repeats-- > 0) continue;
          results.get(contender.id)!.push({ ...sample, isNoisy });
          break;
        }
      }
    }
    return results;
  } finally {
    await house.close();
  }
}

const rotated = <T>(all: readonly T[], by: number): T[] => [...all.slice(by % all.length), ...all.slice(0, by % all.length)];
