/**
 * How long a caller's sidecar takes to hear: from the wish to announce until the endpoint is routable, and from the withdrawal until it is
 * not, on a real ZooKeeper of its own. `node dist/test/bench/registration.js [ROUNDS]`. The wish is a POST to the instance's admin; when the
 * caller knew is the time in its own log, so nothing of this tool's pace is in a figure. They are whole milliseconds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { app } from '../support/calls.js';
import { Sidecar } from '../support/program.js';
import { ZooKeeperServer } from '../support/zookeeper.js';

/** Of one kind and service the log tells 60 lines in a row as they are (agent/floods.ts): a caller serves for half of them. */
const ROUNDS_OF_A_CALLER = 25;

const rounds = Number(process.argv[2] ?? 100);
const percentile = (times: readonly number[], percent: number): string =>
  `${[...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))]!} ms`;

const server = await ZooKeeperServer.start();
const beside = await app('orders');
const env = { ZIDECAR_ZOOKEEPER: server.connect };
const instance = Sidecar.start({ ...env, ZIDECAR_SERVICE: 'orders', ZIDECAR_APP_PORT: String(beside.port) });
const taken = { drain: [] as number[], undrain: [] as number[] };

async function measure(caller: Sidecar, most: number): Promise<void> {
  let seen = 0;
  /** When the caller had so many endpoints, by its log: the next change is waited for. */
  const changed = async (total: number): Promise<number> => {
    const line = await caller.said((each) => each.kind === 'endpoints_changed' && caller.lines.indexOf(each) >= seen);
    seen = caller.lines.indexOf(line) + 1;
    if (line['total'] !== total) throw new Error(`${total} endpoints were expected\n${caller.story()}`);
    return Date.parse(String(line['time']));
  };
  await changed(1);
  for (let round = 0; round < most; round++) {
    for (const [wish, count] of [
      ['drain', 0],
      ['undrain', 1],
    ] as const) {
      await sleep(1_200 + 300 * Math.random()); // a second of quiet, as between two deploys
      const began = Date.now();
      const told = instance.post(`/${wish}`);
      taken[wish].push((await changed(count)) - began);
      await told;
    }
  }
}

try {
  await instance.fact('announced');
  await instance.get('/session'); // the first call loads what node's fetch is made of
  for (let done = 0; done < rounds; done += ROUNDS_OF_A_CALLER) {
    const caller = Sidecar.start({ ...env, ZIDECAR_UPSTREAMS: 'orders' });
    try {
      await measure(caller, Math.min(ROUNDS_OF_A_CALLER, rounds - done));
    } finally {
      caller.kill();
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
  instance.kill();
  await beside.close();
  await server.remove();
}
