/**
 * What following a service costs real ZooKeeper servers: `npm run registry-load [-- --readers 1000 --naive 50 --instances 100]`, some minutes. An
 * ensemble of three, processes full of readers of one kind after the other, a deploy of the whole service, and the death of the leader; the table and
 * the plot are written beside this file. Each step waits until every reader has it, so that what is asked does not depend on how fast the machine is.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { curator } from '../../agent/registry/dialects/curator.js';
import { instance } from '../agent/registry/dialects/node.js';
import { machine } from '../bench/machine.js';
import { cpuMs } from '../bench/proc.js';
import { dieWithUs, holding } from '../support/die-with-us.js';
import { RawClient } from '../support/raw-client.js';
import { ensemble, leaderOf, requireZooKeeper, type ZooKeeperServer } from '../support/zookeeper.js';
import type { Counts, Order } from './crowd.js';
import { kinds, PATH, SERVICE, SESSION_MS, type Kind } from './readers.js';
import { plotted, PLOT, reported, type Result, type Run } from './report.js';

const { values } = parseArgs({
  options: {
    readers: { type: 'string', default: '1000' },
    naive: { type: 'string', default: '50' },
    instances: { type: 'string', default: '100' },
    out: { type: 'string', default: 'test/registry-load' },
  },
});
const [READERS, NAIVE, INSTANCES] = [Number(values.readers), Number(values.naive), Number(values.instances)];
const PROCESSES = 4;
/** After the last reader has everything: for what comes late. */
const QUIET_MS = 3_000;
/** Their sessions live long, and one address may have as many as it likes. */
const CFG = { maxClientCnxns: 0, tickTime: 1_000, maxSessionTimeout: 60_000, initLimit: 30, syncLimit: 20 };
const crowdScript = fileURLToPath(new URL('./crowd.js', import.meta.url));

class Crowd {
  readonly #processes: readonly ChildProcess[];

  constructor() {
    this.#processes = Array.from({ length: PROCESSES }, () => {
      const child = fork(crowdScript, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      dieWithUs(child);
      child.once('exit', (code) => {
        if (code !== 0 && code !== null) throw new Error(`a crowd of readers ended with ${code}`);
      });
      return child;
    });
  }

  /** Resolves with the sum of what all have counted when all have done it. */
  async all(order: (index: number) => Order): Promise<Counts> {
    const counts = this.#processes.map(async (child, index): Promise<Counts> => {
      const answer = holding(once(child, 'message')) as Promise<[Counts]>;
      child.send(order(index));
      return (await answer)[0];
    });
    return (await Promise.all(counts)).reduce((one, other) => combined(one, other, 1));
  }

  end(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }
}

function combined(one: Counts, other: Counts, sign: 1 | -1): Counts {
  const names = new Set([...Object.keys(one.asked), ...Object.keys(other.asked)]);
  const asked = Object.fromEntries([...names].map((name) => [name, (one.asked[name] ?? 0) + sign * (other.asked[name] ?? 0)]));
  const plus = (key: Exclude<keyof Counts, 'asked'>): number => one[key] + sign * other[key];
  return {
    ...{ asked, fired: plus('fired'), sentBytes: plus('sentBytes') },
    ...{ receivedBytes: plus('receivedBytes'), cpuMs: plus('cpuMs') },
  };
}

const data = (id: string, index: number): Uint8Array =>
  curator.place(instance({ service: SERVICE, id, host: `10.0.${index >> 8}.${index & 255}`, port: 8080 })).data;

async function watchesOf(servers: readonly ZooKeeperServer[]): Promise<number> {
  const said = await Promise.all(servers.map((server) => server.ask('mntr').catch(() => '')));
  return said.reduce((sum, text) => sum + Number(/^zk_watch_count\t(\d+)/m.exec(text)?.[1] ?? 0), 0);
}

async function measured(kind: Kind, readers: number): Promise<readonly Result[]> {
  console.error(`${kind}: ${readers} readers`);
  const servers = await ensemble(3, CFG);
  const writer = await RawClient.open(servers.map(({ connect }) => connect).join(), SESSION_MS);
  const names = Array.from({ length: INSTANCES }, (_, index) => `orders-1-${index}`);
  await writer.plant(PATH);
  for (const [index, name] of names.entries()) await writer.create(`${PATH}/${name}`, data(name, index), 'ephemeral');
  const crowd = new Crowd();
  const settle = (): Promise<Counts> => crowd.all(() => ({ do: 'settle', names }));
  const share = (index: number): number => Math.floor(readers / PROCESSES) + (index < readers % PROCESSES ? 1 : 0);
  await crowd.all((index) => ({
    do: 'open',
    kind,
    servers: servers.map(({ host, port }) => ({ host, port })),
    count: share(index),
  }));
  await settle();
  const over = async (scenario: Result['scenario'], play: () => Promise<unknown>): Promise<Result> => {
    await sleep(QUIET_MS);
    const alive = [...servers];
    const [before, begun] = [await settle(), performance.now()];
    const cpu = new Map(alive.map((server) => [server, cpuMs(server.pid)]));
    await play();
    await settle();
    const seconds = (performance.now() - begun) / 1_000;
    await sleep(QUIET_MS);
    const counts = combined(await settle(), before, -1);
    const serverMs = alive.reduce((sum, server) => sum + Math.max(0, cpuMs(server.pid) - cpu.get(server)!), 0);
    console.error(`${kind}: ${scenario} took ${seconds.toFixed(0)} s`);
    return { scenario, kind, readers, counts, serverMs, seconds, watches: await watchesOf(servers) };
  };
  const deploy = await over('deploy', async () => {
    for (const [index, name] of [...names].entries()) {
      await writer.remove(`${PATH}/${name}`);
      names.splice(names.indexOf(name), 1);
      await settle();
      const next = `orders-2-${index}`;
      await writer.create(`${PATH}/${next}`, data(next, index), 'ephemeral');
      names.push(next);
      await settle();
    }
  });
  const leader = await leaderOf(servers);
  const death = await over('leader', async () => {
    await leader.kill();
    await leaderOf(servers.filter((server) => server !== leader));
    await sleep(QUIET_MS); // whoever has not heard yet that his server is gone hears it
  });
  crowd.end();
  writer.kill();
  await Promise.all(servers.map((server) => server.remove()));
  return [deploy, death];
}

if (!requireZooKeeper()) process.exit(1);
const before = loadavg();
const results: Result[] = [];
for (const kind of kinds) results.push(...(await measured(kind, kind === 'naive' ? NAIVE : READERS)));
const shown = (load: readonly number[]): string => load.map((one) => one.toFixed(1)).join(', ');
const run: Run = {
  command: `npm run registry-load -- --readers ${READERS} --naive ${NAIVE} --instances ${INSTANCES}`,
  ...{ machine: machine(), load: `${shown(before)} to ${shown(loadavg())}`, node: process.versions.node },
  ...{ instances: INSTANCES, results },
};
const text = reported(run);
mkdirSync(join(values.out, 'plots'), { recursive: true });
writeFileSync(join(values.out, 'RESULTS.md'), text);
writeFileSync(join(values.out, 'plots', PLOT), plotted(run));
console.log(text);
process.exit();
