/** The file of the last good lists: when it is written, and which files are read. */
import { deepEqual, equal, match } from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Fact } from '../../../agent/events.js';
import { readFileOf } from '../../../agent/snapshot/file.js';
import type { Told } from '../../../agent/snapshot/format.js';
import { Snapshot } from '../../../agent/snapshot/snapshot.js';
import { FakeClock } from '../../support/clock.js';
import { instance } from '../registry/dialects/node.js';

const source = { dialect: 'curator', path: '/services/orders' };
const user = process.getuid?.();

const setup = (t: TestContext, before?: (path: string) => void) => {
  const folder = mkdtempSync(join(tmpdir(), 'zidecar-snapshot-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'state', 'snapshot-orders.json');
  mkdirSync(join(folder, 'state'), { mode: 0o700 });
  before?.(path);
  const clock = new FakeClock();
  const facts: Fact[] = [];
  const lists = new Map<string, readonly Told[] | undefined>();
  const opened = (places = ['zk:2181']): Snapshot | undefined => {
    const snapshot = Snapshot.open({ path, places, user, clock, emit: (fact) => void facts.push(fact) });
    snapshot?.start((name) => lists.get(name));
    return snapshot;
  };
  const tell = (...ids: readonly string[]): void =>
    void lists.set('orders', [
      { source, list: { instances: ids.map((id, index) => instance({ id, port: index + 1 })), asOf: 1 } },
    ]);
  /** The clock stands still meanwhile, however slow the disk is. */
  const written = async (afterMs: number, holds: () => boolean = () => existsSync(path)): Promise<void> => {
    await clock.advance(afterMs);
    while (!holds()) {
      await clock.advance(0);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  return { path, clock, facts, lists, opened, tell, written };
};
const ids = (snapshot: Snapshot | undefined): readonly string[] | undefined =>
  snapshot?.remembered('orders', source)?.instances.map(({ id }) => id);

describe('the snapshot of a sidecar', () => {
  it('is written a second after a change, whole and for its owner alone, and remembered by the next run', async (t) => {
    const { path, clock, opened, tell, facts, written } = setup(t);
    const first = opened()!;
    equal(ids(first), undefined);
    tell('a', 'b');
    first.heard('orders');
    await clock.advance(999);
    equal(existsSync(path), false);
    await written(1);
    equal(statSync(path).mode & 0o777, 0o600);
    await clock.advance(60_000);
    const second = opened();
    deepEqual(ids(second), ['a', 'b']);
    const { confirmed, skipped } = second!.remembered('orders', source)!;
    deepEqual([confirmed, skipped], [false, []]);
    equal(second!.remembered('orders', { ...source, path: '/elsewhere' }), undefined);
    const read = facts.find((fact) => fact.kind === 'snapshot_read');
    deepEqual(read?.upstreams, 1);
    await first.stop();
    await second!.stop();
    deepEqual(readdirSync(join(path, '..')), ['snapshot-orders.json'], 'nothing lies beside it');
  });

  it('is none for a run with another registry, which says so and writes its own', async (t) => {
    const { path, facts, opened, tell, written } = setup(t);
    const first = opened(['dir:/a'])!;
    tell('a');
    first.heard('orders');
    await first.stop();
    deepEqual(ids(opened(['dir:/a'])), ['a']);
    const second = opened(['127.0.0.1:2199'])!;
    equal(ids(second), undefined);
    const why = 'it is of another registry, "dir:/a", and ours is "127.0.0.1:2199"';
    deepEqual(facts.at(-1), { kind: 'snapshot_ignored', path, why, taken: 0 });
    tell('b');
    second.heard('orders');
    await written(1_000, () => readFileSync(path, 'utf8').includes('"b"'));
    await second.stop();
    equal(readFileSync(path, 'utf8').includes('"a"'), false);
    deepEqual([ids(opened(['127.0.0.1:2199'])), ids(opened(['dir:/a']))], [['b'], undefined]);
  });

  it('is written once for many changes, 5 s apart at least', async (t) => {
    const { path, clock, opened, tell, written } = setup(t);
    const snapshot = opened()!;
    tell('a');
    snapshot.heard('orders');
    await written(1_000);
    const at = statSync(path).ino;
    for (let n = 0; n < 100; n++) {
      tell(`n${n}`);
      snapshot.heard('orders');
    }
    await clock.advance(3_000);
    equal(statSync(path).ino, at);
    await written(2_000, () => readFileSync(path, 'utf8').includes('n99'));
    await snapshot.stop();
  });

  it('keeps a list that is not confirmed any more as it was, with its age', async (t) => {
    const { path, clock, opened, tell, lists, written } = setup(t);
    const snapshot = opened()!;
    tell('a');
    snapshot.heard('orders');
    await written(1_000);
    const before = readFileSync(path, 'utf8');
    lists.set('orders', undefined);
    snapshot.heard('orders');
    await clock.advance(5_000);
    await snapshot.stop();
    equal(readFileSync(path, 'utf8'), before);
  });

  it('tells a confirmed list anew every 5 minutes, so that its age is true', async (t) => {
    const { path, opened, tell, written } = setup(t);
    const snapshot = opened()!;
    tell('a');
    snapshot.heard('orders');
    await written(1_000);
    const before = readFileSync(path, 'utf8');
    await written(301_000, () => readFileSync(path, 'utf8') !== before);
    await snapshot.stop();
  });

  it('is off, with one warning, where the folder cannot be written', (t) => {
    const { facts, opened } = setup(t, (path) => {
      rmSync(join(path, '..'), { recursive: true });
      writeFileSync(join(path, '..'), 'a file in its place');
    });
    equal(opened(), undefined);
    equal(facts.length, 1);
    match(JSON.stringify(facts[0]), /no snapshot of the lists is kept.*set ZIDECAR_DATA_DIR/);
  });

  for (const [what, make, why] of [
    ['a symbolic link', (path: string) => symlinkSync('/etc/passwd', path), /symbolic link/],
    ['a folder', (path: string) => mkdirSync(path), /no plain file/],
    [
      'a file that others may write',
      (path: string) => (writeFileSync(path, '{}'), chmodSync(path, 0o666)),
      /others than its owner/,
    ],
    ['a file of something else', (path: string) => writeFileSync(path, 'x'.repeat(100)), /no snapshot of this version/],
    ['an empty file', (path: string) => writeFileSync(path, ''), /no snapshot of this version/],
  ] as const)
    it(`takes nothing from ${what}, says so, and writes its own in its place where it can`, async (t) => {
      const { path, facts, opened, tell, written } = setup(t, make);
      const snapshot = opened()!;
      match(JSON.stringify(facts), why);
      tell('a');
      snapshot.heard('orders');
      const isWritten = (): boolean => what === 'a folder' || statSync(path).size > 300;
      await written(1_000, () => isWritten() || facts.some(({ kind }) => kind === 'warned'));
      await snapshot.stop();
      if (what === 'a folder') match(JSON.stringify(facts), /cannot be written/);
      else deepEqual(ids(opened()), ['a']);
    });

  it('takes nothing from a file of another user', (t) => {
    const { path } = setup(t, (at) => writeFileSync(at, '{}', { mode: 0o600 }));
    if (user === undefined) return t.skip('no users here');
    try {
      readFileOf(path, user + 1);
      throw new Error('it was read');
    } catch (error) {
      match(String(error), new RegExp(`belongs to user ${user}, and we are ${user + 1}`));
    }
  });
});
