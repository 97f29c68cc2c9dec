/** The embedded tree's folder goes away for several times the session, as an unmounted disk does, with calls going on. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it, type TestContext } from 'node:test';
import { app, Calling } from '../support/calls.js';
import { eventually, Sidecar } from '../support/program.js';

/** Outlives a moment in which the machine stands still; so the scenes, which wait most of the time, play at one time. */
const SESSION_MS = 4_000;
const AWAY_MS = 3 * SESSION_MS;

const ids = async (caller: Sidecar): Promise<string[]> => {
  const { upstreams } = await caller.get<{ upstreams: { endpoints: { id: string }[] }[] }>('/upstreams');
  return (upstreams[0]?.endpoints ?? []).map(({ id }) => id).sort();
};
const session = async (sidecar: Sidecar): Promise<string> => (await sidecar.get<{ state: string }>('/session')).state;

/** `frozen`: those of [a, b, caller] that are stopped while the folder is away, and go on when it is back. */
async function scene(t: TestContext, frozen: (all: readonly Sidecar[]) => readonly Sidecar[]): Promise<void> {
  const house = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
  const [folder, away] = [join(house, 'folder'), join(house, 'folder.away')];
  await mkdir(folder);
  const start = (env: Record<string, string>): Sidecar => {
    const sidecar = Sidecar.start({ ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_SESSION_TIMEOUT: `${SESSION_MS}ms`, ...env });
    t.after(() => sidecar.kill());
    return sidecar;
  };
  const instance = async (id: string): Promise<Sidecar> => {
    const beside = await app(id);
    const sidecar = start({ ZIDECAR_SERVICE: 'orders', ZIDECAR_INSTANCE_ID: id, ZIDECAR_APP_PORT: String(beside.port) });
    t.after(() => beside.close());
    await sidecar.fact('announced');
    return sidecar;
  };
  const instances = [await instance('a'), await instance('b')];
  const caller = start({ ZIDECAR_UPSTREAMS: 'orders' });
  await eventually(async () => (await ids(caller)).length === 2);
  const all = [...instances, caller];
  const calling = new Calling(await caller.at('outbound'), 'orders');
  t.after(() => calling.stop());
  t.after(() => rm(house, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 })); // last: they write in it as long as they live

  await rename(folder, away);
  for (const sidecar of all) await eventually(async () => (await session(sidecar)) === 'suspended');
  for (const sidecar of frozen(all)) sidecar.signal('SIGSTOP');
  await sleep(AWAY_MS);
  await rename(away, folder);
  for (const sidecar of frozen(all)) sidecar.signal('SIGCONT');
  for (const sidecar of all) await eventually(async () => (await session(sidecar)) === 'connected');
  await sleep(2 * SESSION_MS); // whoever would be judged too early is judged within this time

  deepEqual(await ids(caller), ['a', 'b']);
  const { lost, total } = await calling.stop();
  deepEqual(lost, []);
  ok(total > 0);
  for (const sidecar of all) {
    equal(sidecar.lines.filter((line) => line['state'] === 'expired').length, 0, sidecar.story());
  }
}

describe('a folder that is away for three sessions', { timeout: 240_000, concurrency: true }, () => {
  it('ends no session and loses no call', (t) => scene(t, () => []));
  it('ends no session though one sidecar was frozen meanwhile', (t) => scene(t, ([one]) => [one!]));
  it('ends no session though all sidecars were frozen meanwhile', (t) => scene(t, (all) => all));
});
