import { deepEqual, equal } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lock } from '../../../../agent/registry/directory/lock.js';
import { clock, random } from '../../../../agent/system.js';
import { fails } from '../tree-contract/nodes.js';
import { makeFolder } from './folder.js';
import type { Folder } from './folder.js';

describe('the lock of a folder', () => {
  let folder: Folder;
  let file: string;
  before(async () => {
    folder = await makeFolder();
    file = join(folder.path, 'lock');
  });
  after(() => folder.remove());

  it('lets one in at a time, be it of this process or not', async () => {
    const locks = [new Lock(file, clock, random), new Lock(file, clock, random)];
    let inside = 0;
    let most = 0;
    const holds = Array.from({ length: 40 }, (_, index) =>
      locks[index % 2]!.hold(async () => {
        most = Math.max(most, ++inside);
        await sleep(1);
        inside--;
      }),
    );
    await Promise.all(holds);
    equal(most, 1);
    equal(existsSync(file), false);
  });

  it('goes on after work that failed, in order', async () => {
    const lock = new Lock(file, clock, random);
    const order: number[] = [];
    const results = await Promise.allSettled(
      [1, 2, 3].map((each) =>
        lock.hold(async () => {
          order.push(each);
          if (each === 2) throw new Error('no');
        }),
      ),
    );
    deepEqual(order, [1, 2, 3]);
    deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']); // prettier-ignore
  });

  it('is not taken from its holder by one that stood still itself while it waited', async () => {
    await writeFile(file, 'of another');
    let looks = 0;
    const stoodStill = { ...clock, now: () => clock.now() + (++looks > 5 ? 3_000 : 0) };
    const waiting = new Lock(file, stoodStill, random).hold(() => Promise.resolve());
    while (looks < 20) await sleep(1);
    equal(await readFile(file, 'utf8'), 'of another');
    await unlink(file);
    await waiting;
  });

  it('tells a holder that it was taken away meanwhile, and leaves the other one’s alone', async () => {
    const lock = new Lock(file, clock, random);
    const frozen = lock.hold(async (stillOurs) => {
      await stillOurs();
      await unlink(file);
      await writeFile(file, 'of another');
      await stillOurs();
    });
    await fails('connection_lost', frozen);
    equal(existsSync(file), true);
    await unlink(file);
  });
});
