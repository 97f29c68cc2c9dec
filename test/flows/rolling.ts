/** A service that is restarted instance by instance, each by one of the next version, while calls that nobody may repeat go on. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Calling } from '../support/calls.js';
import { eventually, type Sidecar } from '../support/program.js';
import { freePort } from '../support/zookeeper.js';
import type { Fleet } from './fleet.js';

const program = fileURLToPath(new URL('./rolled-app.js', import.meta.url));

interface Rolling {
  readonly service: string;
  readonly instances: number;
  readonly rounds: number;
  readonly env?: Record<string, string>;
}

/** `zidecar run -- app`: the app ends when the sidecar says so. */
async function instance(fleet: Fleet, service: string, version: number, env: Record<string, string> = {}): Promise<Sidecar> {
  const port = String(await freePort('127.0.0.1'));
  const sidecar = fleet.start(
    {
      ...{ ZIDECAR_SERVICE: service, ZIDECAR_APP_PORT: port, ZIDECAR_OUTBOUND: 'off', ZIDECAR_PROBE_INTERVAL: '100ms' },
      ...{ PORT: port, VERSION: `v${version}` },
      ...env,
    },
    [process.execPath, program],
  );
  await sidecar.fact('announced');
  return sidecar;
}

/** Every instance is replaced in every round, the next one being announced before the one before it is told to end. No call is lost. */
export async function roll(t: TestContext, fleet: Fleet, { service, instances, rounds, env }: Rolling): Promise<void> {
  let running = await Promise.all(Array.from({ length: instances }, () => instance(fleet, service, 0, env)));
  // a new instance at its full share at once, and nothing repeated: what goes wrong is seen
  const { sidecar: caller, at } = await fleet.caller(service, instances, {
    ...{ ...env, ZIDECAR_SLOW_START: 'off', ZIDECAR_RETRIES: '0' },
  });
  const calling = ['GET', 'POST'].map((method) => new Calling(at, service, { workers: 4, method }));
  const total = (): number => calling.reduce((sum, each) => sum + each.total, 0);
  for (let round = 1; round <= rounds; round++) {
    const next: Sidecar[] = [];
    for (const old of running) {
      next.push(await instance(fleet, service, round, env));
      await fleet.routable(caller, instances + 1);
      equal(await old.stop(), 0, old.story());
      await fleet.routable(caller, instances);
    }
    running = next;
    const before = total();
    await eventually(() => total() >= before + 100); // by the new version alone
  }
  const tallies = await Promise.all(calling.map((each) => each.stop()));
  deepEqual(
    tallies.flatMap(({ lost }) => lost),
    [],
    caller.story(),
  );
  const by = new Map<string, number>();
  for (const tally of tallies) for (const [version, calls] of tally.by) by.set(version, (by.get(version) ?? 0) + calls);
  const seen = [...by.keys()].sort((one, other) => Number(one.slice(1)) - Number(other.slice(1)));
  deepEqual(
    seen,
    Array.from({ length: rounds + 1 }, (_, version) => `v${version}`),
  );
  const told = seen.map((version) => `${version} ${by.get(version)!}`).join(', ');
  t.diagnostic(`${instances} instances replaced ${rounds} times, ${total()} calls, 0 lost; by version: ${told}`);
  ok(seen.every((version) => by.get(version)! >= 20));
}
