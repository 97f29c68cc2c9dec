/**
 * How long a caller's sidecar takes to hear: from the wish to announce until the endpoint is routable, and from the withdrawal until it is
 * not, on a real ZooKeeper of its own. `node dist/test/bench/registration.js [ROUNDS]`. The wish is a POST to the instance's admin; what the
 * caller knows is asked of its admin again and again, so each figure holds one such question too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { app } from '../support/calls.js';
import { Sidecar } from '../support/program.js';
import { ZooKeeperServer } from '../support/zookeeper.js';

const rounds = Number(process.argv[2] ?? 100);
const percentile = (times: readonly number[], percent: number): string =>
  `${[...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))]!.toFixed(1)} ms`;

const server = await ZooKeeperServer.start();
const beside = await app('orders');
const env = { ZIDECAR_ZOOKEEPER: server.connect };
const instance = Sidecar.start({ ...env, ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: String(beside.port) });
const caller = Sidecar.start({ ...env, ZIDECAR_UPSTREAMS: 'orders' });
try {
  await instance.fact('announced');
  const endpoints = async (): Promise<number> =>
    (await caller.get<{ upstreams: { endpoints: unknown[] }[] }>('/upstreams')).upstreams[0]?.endpoints.length ?? 0;
  const until = async (count: number): Promise<void> => {
    while ((await endpoints()) !== count) await sleep(1);
  };
  await until(1);
  const taken = { drain: [] as number[], undrain: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const [wish, count] of [
      ['drain', 0],
      ['undrain', 1],
    ] as const) {
      await sleep(1_200 + 300 * Math.random()); // a second of quiet, as between two deploys
      const began = performance.now();
      const told = instance.post(`/${wish}`);
      await until(count);
      taken[wish].push(performance.now() - began);
      await told;
    }
  }
  for (const [what, times] of [
    ['register to routable', taken.undrain],
    ['deregister to not routable', taken.drain],
  ] as const) {
    console.log(
      `${what.padEnd(28)} median ${percentile(times, 50)}, 95th percentile ${percentile(times, 95)}, of ${times.length}`,
    );
  }
  console.log(`load average ${readFileSync('/proc/loadavg', 'utf8').trim()}`);
} finally {
  for (const sidecar of [instance, caller]) sidecar.kill();
  await beside.close();
  await server.remove();
}
