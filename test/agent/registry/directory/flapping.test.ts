/** A folder that comes and goes faster than it is looked at: each look may begin while it is away and end when it is back. */
import { deepEqual } from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { it } from 'node:test';
import { openDirectory } from '../../../../agent/registry/directory.js';
import { clock } from '../../../../agent/system.js';
import { eventually } from '../../../support/program.js';
import { seeded } from '../../../support/random.js';
import { makeFolder } from './folder.js';

const TREES = 12;

const cases = {
  'that comes and goes': { flips: 60, awayMs: 200, thereMs: 50 },
  'that comes and goes several times within one look': { flips: 200, awayMs: 0, thereMs: 0 },
};

for (const [what, { flips, awayMs, thereMs }] of Object.entries(cases))
  it(`a folder ${what} ends no session and empties no list`, { timeout: 240_000 }, async (t) => {
    const folder = await makeFolder();
    const { path: root, facts } = folder;
    const random = seeded(1126);
    t.after(() => folder.remove());
    const trees = Array.from({ length: TREES }, () => folder.open({ sessionTimeoutMs: 1_000 }));
    await eventually(() => trees.every(({ session }) => session.state === 'connected'));
    await trees[0]!.create('/services', new Uint8Array(), 'persistent');
    await trees[0]!.create('/services/orders', new Uint8Array(), 'persistent');

    let isOver = false;
    const lists = new Set<string>();
    const reading = trees.map(async (tree) => {
      for (; !isOver; await sleep(2)) {
        const list = await tree.children('/services').catch(() => 'not answered' as const);
        if (list !== 'not answered') lists.add(String(list?.names));
      }
    });
    for (let flip = 0; flip < flips; flip++) {
      await rename(root, `${root}.away`);
      if (awayMs > 0) await sleep(awayMs * random());
      await rename(`${root}.away`, root);
      if (thereMs > 0) await sleep(thereMs * random());
    }
    await eventually(() => trees.every(({ session }) => session.state === 'connected'));
    isOver = true;
    await Promise.all(reading);
    const ends = facts.filter((fact) => fact.kind === 'session_changed' && fact.state === 'expired');
    deepEqual([ends, [...lists]], [[], ['orders']]);
  });

it('tries a folder that is away five times as often, so that others find it no oftener than the owner of a lease', async (t) => {
  const folder = await makeFolder();
  const pauses: string[] = [];
  const noting = {
    ...clock,
    sleep: (ms: number, signal?: AbortSignal) => (pauses.push(`${tree.session.state} ${ms}`), clock.sleep(ms, signal)),
  };
  const tree = openDirectory({
    path: folder.path,
    sessionTimeoutMs: 1_200,
    clock: noting,
    random: () => 0.5,
    emit: () => undefined,
  });
  t.after(() => tree.close().then(() => folder.remove()));
  await eventually(() => tree.session.state === 'connected');
  await rename(folder.path, `${folder.path}.away`);
  await eventually(() => pauses.filter((pause) => pause === 'suspended 40').length > 5);
  await rename(`${folder.path}.away`, folder.path);
  await eventually(() => tree.session.state === 'connected');
  deepEqual(new Set(pauses), new Set(['connected 200', 'suspended 40']));
});
