/**
 * 20,000 watches and a load of reads, behind a line that carries nothing for a while and tells nobody. How long it takes until that is noticed and over, and how
 * long one turn of the event loop takes, is told and not judged.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Fact } from '../../../../agent/events.js';
import { Cuttable } from '../../../support/cuttable.js';
import { memory } from '../../../support/memory.js';
import { TurnMeter } from '../../../support/turn-meter.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bytes, until } from '../tree-contract.js';
import { opened } from '../wire/opened.js';
import { closeAll, opening } from './open.js';
import { COUNT, each, nodePath, reading } from './under-load.js';

const PART = 500;
const MOST_KEPT = 8_000_000;

describe('20,000 watches under load, by the wire client, over a partition', { skip: !requireZooKeeper() }, () => {
  after(() => closeAll());

  it('shorter than the session hear of each change once; over a longer one each is told once, and a new session takes them', async (t) => {
    const server = await ZooKeeperServer.start({ '-Xmx512m': '' });
    const line = await Cuttable.to(server);
    t.after(() => Promise.all([line.stop(), server.remove()]));
    const writer = opened([server], { timeoutMs: 60_000 });
    await writer.up();
    await writer.client.create('/many');
    await each((index) => writer.client.create(nodePath(index)));
    const story: string[] = [];
    const emit = (fact: Fact): void => {
      if (fact.kind.startsWith('session_')) story.push(JSON.stringify(fact)); // those of 100,000 reads are garbage in the turns that are measured
    };
    const { tree } = opening({ kind: 'wire' })([line], { sessionTimeoutMs: 20_000, emit });
    const inSession = (epoch: number): Promise<void> =>
      until(
        () => tree.session.state === 'connected' && tree.session.epoch === epoch,
        `session ${epoch}, and not\n${story.join('\n')}`,
      );
    await inSession(1);
    const told = new Map<number, number>();
    const watch = (index: number): ReturnType<typeof tree.exists> =>
      tree.exists(nodePath(index), () => told.set(index, (told.get(index) ?? 0) + 1));
    const watched = async (): Promise<string | undefined> => /Total watches:(\d+)/.exec(await server.ask('wchs'))?.[1];
    await each(watch);
    const endLoad = reading(tree);
    const before = memory();
    const since = (from: number): string => `${Math.round(performance.now() - from)} ms`;

    const changes = new Map<number, bigint>();
    const change = async (from: number): Promise<void> => {
      const write = async (index: number): Promise<unknown> =>
        changes.set(index, (await writer.client.setData(nodePath(index), bytes('x'))).mzxid);
      await Promise.all(Array.from({ length: PART }, (_, index) => write(from + index)));
    };
    let meter = new TurnMeter();
    const changed = change(0);
    await line.part();
    let begun = performance.now();
    await until(() => tree.session.state === 'suspended', 'the loss');
    t.diagnostic(`noticed after ${since(begun)}`);
    await Promise.all([changed, change(PART)]);
    begun = performance.now();
    await Promise.all([change(2 * PART), line.heal(), inSession(1)]);
    t.diagnostic(`back after ${since(begun)}, and all that was changed meanwhile; ${meter.end()}`);
    await until(() => told.size >= changes.size, 'the events');
    await tree.sync('/');
    deepEqual(new Map([...told].sort(([one], [other]) => one - other)), new Map([...changes.keys()].map((index) => [index, 1])));
    told.clear();
    await Promise.all([...changes].map(async ([index, zxid]) => equal((await watch(index))?.mzxid, zxid)));
    equal(await watched(), String(COUNT));

    meter = new TurnMeter();
    begun = performance.now();
    const over = new Promise<void>((resolve) => tree.onSession(({ state }) => (state === 'expired' ? resolve() : undefined)));
    await line.part();
    await over;
    t.diagnostic(`the session is over after ${since(begun)}`);
    begun = performance.now();
    await line.heal();
    await inSession(2);
    await until(() => told.size === COUNT, 'each of them');
    t.diagnostic(`a new one after ${since(begun)}, and each is told; ${meter.end()}`);
    deepEqual(new Set(told.values()), new Set([1]));
    told.clear();
    await each(watch);
    deepEqual([told.size, await watched()], [0, String(COUNT)]);
    deepEqual(await endLoad(), []);
    const kept = memory().heap - before.heap;
    t.diagnostic(`${Math.round(kept / 1_000)} kB are kept`);
    ok(kept < MOST_KEPT, `${kept} bytes are kept`);
    await writer.client.close();
  });
});
