/** A tree by the wire client tells which child came or went, at the price of one watch at a real server. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Tree } from '../../../../agent/registry/tree.js';
import { RawClient } from '../../../support/raw-client.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { bell, bytes, connected, text, until } from '../tree-contract.js';
import { BadLine } from '../wire/bad-line.js';
import { closeAll, opening, type Opened } from './open.js';

const open = opening({ kind: 'wire' });
const SET_WATCHES_2 = 105;

describe('children that a tree tells of', { skip: !requireZooKeeper() }, () => {
  let server: ZooKeeperServer;
  let line: BadLine;
  let stranger: RawClient;
  let opened: Opened;
  let tree: Tree;
  const words: string[] = [];
  const hear = (name: string, isThere: boolean): boolean => words.push(`${isThere ? 'came' : 'left'} ${name}`) > 0;
  const heard = (...expected: readonly string[]): Promise<void> =>
    until(() => expected.every((word) => words.includes(word)), `${expected.join()}, and not only ${words.join()}`);
  const armed = async (): Promise<number> => Number(/Total watches:(\d+)/.exec(await server.ask('wchs'))![1]);

  before(async () => {
    server = await ZooKeeperServer.start();
    line = await BadLine.to(server);
    stranger = await RawClient.open(server.connect);
    opened = open([line], { sessionTimeoutMs: 60_000 });
    tree = opened.tree;
    await connected(tree);
    for (const path of ['/s', '/s/a', '/s/b']) await stranger.create(path);
  });
  after(async () => {
    await closeAll();
    await stranger.close();
    await line.stop();
    await server.remove();
  });

  it('are told one by one and in their order, by one watch, beside those who ask for the whole list', async () => {
    const whole = bell();
    const list = await tree.children('/s', () => undefined, hear);
    deepEqual([[...list!.names].sort(), list!.tells], [['a', 'b'], true]);
    await tree.children('/s', whole.ring);
    await tree.exists('/s/a', () => undefined);
    equal(await armed(), 1);
    await stranger.create('/s/c');
    await stranger.remove('/s/b');
    await stranger.create('/s/b');
    await heard('came b');
    deepEqual(words, ['came c', 'left b', 'came b']);
    equal(whole.rung(), 1);
    equal(await armed(), 1);
  });

  it('are told again by name after a lost connection in which nothing happened, and as any change if something did', async () => {
    const changed = bell();
    words.length = 0;
    await tree.children('/s', changed.ring, hear);
    for (const isQuiet of [true, false]) {
      line.cut();
      await until(() => tree.session.state === 'suspended', 'the loss');
      if (!isQuiet) await stranger.create('/s/meanwhile');
      line.heal();
      await connected(tree);
      if (isQuiet) {
        await stranger.create('/s/d');
        await heard('came d');
        equal(changed.rung(), 0);
      } else await changed.heard();
    }
    await tree.children('/s', changed.ring, hear);
    await stranger.create('/s/e');
    await heard('came e');
  });

  it('are told as any change by a server before 3.6, to which the session comes, and by name again by one that knows the watch', async () => {
    const changed = bell();
    words.length = 0;
    await tree.children('/s', changed.ring, hear);
    line.unknownOp = SET_WATCHES_2;
    line.cut();
    await until(() => tree.session.state === 'suspended', 'the loss');
    line.heal();
    await connected(tree);
    line.unknownOp = undefined;
    await stranger.create('/s/f');
    await changed.heard();
    deepEqual(words, []);
    await tree.children('/s', changed.ring, hear);
    await stranger.create('/s/g');
    await heard('came g');
  });

  it('are read with a watch by one question, and what is too large fails without harm to what is asked beside it', async () => {
    const { ring, heard: rang } = bell();
    equal(await tree.read('/s/none', ring, true), undefined);
    equal(text((await tree.read('/s/a', ring, true))?.data), '');
    await stranger.set('/s/a', 'x');
    await rang();
    await stranger.create('/s/large', bytes('x'.repeat(1_000_000)));
    const { length } = opened.states();
    const tooLarge = (error: { code?: unknown }): boolean => (equal(error.code, 'too_large'), true);
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        await rejects(tree.read('/s/large', ring, true), tooLarge);
        equal(text((await tree.read('/s/a'))?.data), 'x');
      }),
    );
    equal(opened.states().length, length, 'the connection was not lost');
  });
});
