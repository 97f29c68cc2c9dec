import { deepEqual, equal } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readTextFile } from '../../../agent/config/file.js';
import { followFile } from '../../../agent/config/follow-file.js';
import { clock } from '../../../agent/system.js';
import { FakeClock } from '../../support/clock.js';

const folder = async (t: TestContext): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'zidecar-follow-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
};

/** Counts changes of `path`; `next` resolves with the next one. */
const following = (t: TestContext, path: string) => {
  let count = 0;
  let tell = (): void => undefined;
  const stop = followFile(path, readTextFile, clock, undefined, () => {
    count++;
    tell();
  });
  const alive = setInterval(() => undefined, 1_000); // neither watch nor clock keeps a process
  t.after(() => (clearInterval(alive), stop()));
  return { next: () => new Promise<void>((resolve) => (tell = resolve)), count: () => count };
};

describe('a file that is followed', () => {
  it('is told of when it is written in place, and when another takes its name', async (t) => {
    const path = join(await folder(t), 'z.yaml');
    await writeFile(path, 'a');
    const { next, count } = following(t, path);
    const heard = next();
    writeFileSync(path, 'b'); // in one go: who reads it half written is told twice
    await heard;
    await writeFile(`${path}.new`, 'c');
    await Promise.all([next(), rename(`${path}.new`, path)]);
    equal(count(), 2);
  });

  it('is told of when a link beside it is swapped, as Kubernetes does with a ConfigMap', async (t) => {
    const at = await folder(t);
    for (const version of ['..1', '..2']) {
      await mkdir(join(at, version));
      await writeFile(join(at, version, 'z.yaml'), version);
    }
    await symlink('..1', join(at, '..data'));
    await symlink('..data/z.yaml', join(at, 'z.yaml'));
    const { next } = following(t, join(at, 'z.yaml'));
    await symlink('..2', join(at, '..new'));
    await Promise.all([next(), rename(join(at, '..new'), join(at, '..data'))]);
  });

  it('is told of when it has changed since it was loaded, and before it was followed', async () => {
    const fake = new FakeClock();
    const told: string[] = [];
    for (const loaded of ['before', 'now']) {
      const stop = followFile(
        '/no/such/folder/z.yaml',
        () => 'now',
        fake,
        loaded,
        () => told.push(loaded),
      );
      await fake.advance(10_000);
      stop();
    }
    deepEqual(told, ['before']);
  });

  it('is told of when it goes, and when it comes back another, but not for the same text', async () => {
    const fake = new FakeClock();
    let text: string | undefined = 'a';
    let count = 0;
    const read = (): string => {
      if (text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
      return text;
    };
    const stop = followFile('/no/such/folder/z.yaml', read, fake, undefined, () => count++);
    const counts: number[] = [];
    for (const now of ['a', 'b', 'b', undefined, undefined, 'b', 'c']) {
      text = now;
      await fake.advance(10_000);
      counts.push(count);
    }
    deepEqual(counts, [0, 1, 1, 2, 2, 3, 4]);
    stop();
    text = 'd';
    await fake.advance(60_000);
    equal(count, 4);
  });
});
