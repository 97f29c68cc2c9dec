/** The embedded tree's folder goes away for several times the session, as an unmounted disk does, with calls going on. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { app, Calling, type App } from '../support/calls.js';
import { eventually, Sidecar } from '../support/program.js';

const SESSION_MS = 2_000;
const AWAY_MS = 3 * SESSION_MS;

describe('a folder that is away for three sessions', { timeout: 120_000 }, () => {
  let house = '';
  let folder = '';
  let sidecars: Sidecar[] = [];
  let apps: App[] = [];
  const start = (env: Record<string, string>): Sidecar => {
    const settings = { ZIDECAR_ZOOKEEPER: `dir:${folder}`, ZIDECAR_SESSION_TIMEOUT: `${SESSION_MS}ms`, ...env };
    const sidecar = Sidecar.start(settings);
    sidecars.push(sidecar);
    return sidecar;
  };
  const instance = async (id: string): Promise<Sidecar> => {
    const beside = await app(id);
    apps.push(beside);
    const sidecar = start({ ZIDECAR_SERVICE: 'orders', ZIDECAR_INSTANCE_ID: id, ZIDECAR_APP_PORT: String(beside.port) });
    await sidecar.fact('announced');
    return sidecar;
  };
  const ids = async (caller: Sidecar): Promise<string[]> => {
    const { upstreams } = await caller.get<{ upstreams: { endpoints: { id: string }[] }[] }>('/upstreams');
    return (upstreams[0]?.endpoints ?? []).map(({ id }) => id).sort();
  };
  const session = async (sidecar: Sidecar): Promise<string> => (await sidecar.get<{ state: string }>('/session')).state;
  const away = 'folder.away';

  beforeEach(async () => {
    house = await mkdtemp(join(tmpdir(), 'zidecar-test-'));
    folder = join(house, 'folder');
    await mkdir(folder);
  });
  afterEach(async () => {
    for (const sidecar of sidecars) sidecar.kill();
    await Promise.all(apps.map((each) => each.close()));
    [sidecars, apps] = [[], []];
    await rm(house, { recursive: true, force: true });
  });

  /** `frozen`: those of [a, b, caller] that are stopped while the folder is away, and go on when it is back. */
  const scene = async (frozen: (all: readonly Sidecar[]) => readonly Sidecar[]): Promise<void> => {
    const instances = [await instance('a'), await instance('b')];
    const caller = start({ ZIDECAR_UPSTREAMS: 'orders' });
    await eventually(async () => (await ids(caller)).length === 2);
    const all = [...instances, caller];
    const calling = new Calling(await caller.at('outbound'), 'orders');

    await rename(folder, join(house, away));
    for (const sidecar of all) await eventually(async () => (await session(sidecar)) === 'suspended');
    for (const sidecar of frozen(all)) sidecar.signal('SIGSTOP');
    await sleep(AWAY_MS);
    await rename(join(house, away), folder);
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
  };

  it('ends no session and loses no call', () => scene(() => []));
  it('ends no session though one sidecar was frozen meanwhile', () => scene(([one]) => [one!]));
  it('ends no session though all sidecars were frozen meanwhile', () => scene((all) => all));
});
