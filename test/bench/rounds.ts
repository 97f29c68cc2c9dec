/**
 * One workload: all contenders are started, warmed, and then asked in turn, round after round, so that whatever the machine does meanwhile
 * it does to all of them. Each round begins with another one.
 *
 * A round in which others used more than a third of a core is repeated, as long as the workload has repeats left; after that it counts,
 * and is marked as noisy.
 */
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { startBackend } from './backend.js';
import { freePorts, type Contender, type Running } from './contenders/contender.js';
import { measure, warm, type Sample } from './measure.js';
import { scratch } from './native.js';
import type { Workload } from './workloads.js';

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  /** Noisy rounds are repeated, as many in all as there are rounds. */
  readonly repeats: boolean;
  /** Of the proxy, and of load and backend. */
  readonly cores: readonly [number, number];
}

export interface Round extends Sample {
  readonly isNoisy: boolean;
}

/** More than this of one core makes a round noisy. */
export const QUIET_CORES = 1 / 3;

/** Of its core, before a contender is measured. */
const COMPILED_MS = 2_500;
const STARTED_MS = 200;

export async function play(
  workload: Workload,
  contenders: readonly Contender[],
  plan: Plan,
  tell: (text: string) => void,
): Promise<Map<string, Round[]>> {
  const [proxyCore, loadCore] = plan.cores;
  const { endpoints = 4, breaks = false, load } = workload;
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(`${scratch}/run-`);
  const backend = await startBackend(loadCore, breaks ? endpoints - 1 : endpoints, breaks);
  const running: { readonly contender: Contender; readonly process: Running; readonly port: number }[] = [];
  try {
    const services = [{ name: 'bench', endpoints: backend.ports.map((port) => `127.0.0.1:${port}`) }];
    for (const contender of contenders) {
      tell(`starting ${contender.title}`);
      const [port] = (await freePorts(1)) as [number];
      const own = `${folder}/${contender.id}`;
      mkdirSync(own);
      const process = await contender.start({ services, retries: breaks, port, folder: own, core: proxyCore });
      running.push({ contender, process, port });
      tell(`warming ${contender.title}`);
      await warm(process, port, load, contender.compilesItself === true ? COMPILED_MS : STARTED_MS, loadCore);
    }
    const results = new Map<string, Round[]>(contenders.map(({ id }) => [id, []]));
    const mine = [process.pid, backend.pid];
    let repeats = plan.repeats ? plan.rounds * contenders.length : 0;
    for (let round = 0; round < plan.rounds; round++) {
      for (const { contender, process, port } of [
        ...running.slice(round % running.length),
        ...running.slice(0, round % running.length),
      ]) {
        for (;;) {
          tell(`round ${round + 1} of ${plan.rounds}: ${contender.title}`);
          const sample = await measure(process, port, load, { seconds: plan.seconds, warmSeconds: 0.1, core: loadCore }, mine);
          const isNoisy = sample.othersCores > QUIET_CORES;
          if (isNoisy && repeats-- > 0) continue;
          results.get(contender.id)!.push({ ...sample, isNoisy });
          break;
        }
      }
    }
    return results;
  } finally {
    await Promise.all(running.map(({ process }) => process.stop()));
    backend.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
