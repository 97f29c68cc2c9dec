/**
 * What a proxy holds in memory: half a minute after its start, or later; with connections that have had one answer each and are silent; and
 * the most while they all ask again and again. Memory does not mind what else the machine does, so there is one round.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contenders/contender.js';
import { House, type Started } from './house.js';
import { LoadRun } from './load.js';
import { residentBytes } from './proc.js';
import { settledShare, type Plan, type Tell } from './rounds.js';
import type { Workload } from './workloads.js';

export interface Memory {
  readonly idleMb: number;
  readonly silentMb: number;
  readonly busyMb: number;
}

/** What a start leaves behind is collected when a program has had little to do for some seconds. */
const IDLE_MS = 30_000;
const SETTLE_MS = 2_000;
const BUSY_SECONDS = 4;
const LOOK_MS = 100;

export async function playMemory(
  workload: Workload,
  contenders: readonly Contender[],
  plan: Plan,
  tell: Tell,
): Promise<Map<string, Memory>> {
  const core = plan.cores[1];
  const house = await House.open(workload, plan.cores);
  const results = new Map<string, Memory>();
  try {
    const all: Started[] = [];
    for (const contender of contenders) {
      tell(`starting ${contender.title}`);
      all.push(await house.start(contender));
    }
    tell('all of them idle');
    await sleep(settledShare(plan) * IDLE_MS);
    for (const { contender, process, port } of all) {
      tell(contender.title);
      const resident = (): number => residentBytes(process.pid ?? 0) / 1e6;
      const idleMb = resident();

      const held = new LoadRun(port, workload.load, { seconds: 0, core, hold: true });
      await held.started();
      await sleep(SETTLE_MS);
      const silentMb = resident();
      held.release();
      const { unfinished, failed } = await held.ended();
      if (unfinished + failed > 0) throw new Error(`${contender.title} closed ${unfinished + failed} silent connections`);

      const busy = new LoadRun(port, workload.load, { seconds: BUSY_SECONDS, core });
      await busy.started();
      const over = busy.ended().then(() => true);
      let busyMb = 0;
      while (!(await Promise.race([over, sleep(LOOK_MS).then(() => false)]))) busyMb = Math.max(busyMb, resident());
      results.set(contender.id, { idleMb, silentMb, busyMb });
      await process.stop();
    }
    return results;
  } finally {
    await house.close();
  }
}
