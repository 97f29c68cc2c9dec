import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turnEnds } from 'node:timers/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { openNumbers } from '../../../../agent/inherited.js';
import { isNativeBuilt } from '../../../support/native.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { connected, until } from '../tree-contract.js';
import { closeAll, longFor, opening } from './open.js';

/** Of a connection and an echo on this machine, by a socket that is never woken. */
const PATIENCE_MS = 60_000;
const native = { kind: 'native' } as const;

/** How many numbers are kept from others. */
const filled = (): number =>
  openNumbers().filter((number) => {
    try {
      return readlinkSync(`/proc/self/fd/${number}`) === '/dev/random';
    } catch {
      return false; // the one that they were listed by
    }
  }).length;

/** What the package does wrong besides, each beside its remedy: the registry's README has the list. */
describe('the native client', { skip: !requireZooKeeper() || !isNativeBuilt() }, () => {
  const open = opening(native);
  let server: ZooKeeperServer;
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  before(() => once(echo.listen(0, '127.0.0.1'), 'listening'));
  beforeEach(async () => void (server = await ZooKeeperServer.start()));
  afterEach(async () => {
    await closeAll();
    await server.remove();
  });
  after(() => echo.close());

  const dial = (): Socket => connect((echo.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  const echoes = async (socket: Socket, word: string): Promise<string> => {
    const heard = once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) });
    socket.write(word);
    return heard.then(String, () => 'nothing');
  };

  it('takes no socket of others out of the event loop when it has closed its own', async (t) => {
    const { tree, states } = open([server], { sessionTimeoutMs: 3_000 });
    await connected(tree);
    const others: Socket[] = [];
    t.after(() => others.forEach((socket) => socket.destroy()));
    // in the very turn in which it closes its socket: one of them gets that number
    tree.onSession(({ state }) => {
      if (state === 'suspended') others.push(dial(), dial(), dial());
    });
    await server.standStill();
    await until(() => states().includes('expired'), 'the end of the session');
    const words = others.map((_, index) => `word ${index}`);
    deepEqual(await Promise.all(others.map((socket, index) => echoes(socket, words[index]!))), words);
    server.resume();
  });

  it('nor when it gives up an attempt that nobody answers', async (t) => {
    const { tree, states } = open([server], { sessionTimeoutMs: 3_000 });
    await connected(tree);
    await server.kill();
    const silent = createServer(() => undefined);
    await once(silent.listen(server.port, server.host), 'listening');
    const others: Socket[] = [];
    const dialling = setInterval(() => others.push(dial()), 10);
    t.after(() => {
      clearInterval(dialling);
      others.forEach((socket) => socket.destroy());
      silent.close();
    });
    await until(() => states().includes('expired'), 'the end of the session');
    clearInterval(dialling);
    const words = others.map((_, index) => `word ${index}`);
    deepEqual(await Promise.all(others.map((socket, index) => echoes(socket, words[index]!))), words);
  });

  it('nor for another one of it that has moved on, when it has closed its own without a word', async (t) => {
    const elsewhere = await ZooKeeperServer.start();
    t.after(() => elsewhere.remove());
    const slow = open([elsewhere], { sessionTimeoutMs: 12_000 });
    const quick = open([server], { sessionTimeoutMs: 3_000 });
    await Promise.all([connected(slow.tree), connected(quick.tree)]);
    await server.standStill();
    await until(() => quick.states().includes('expired'), 'the end of the session');
    await elsewhere.standStill();
    const before = filled();
    await until(() => filled() > before || slow.states().includes('suspended'), 'a socket to be closed');
    server.resume();
    await connected(quick.tree);
    const others = Array.from({ length: 30 }, dial);
    t.after(() => others.forEach((socket) => socket.destroy()));
    await until(() => slow.states().includes('expired'), 'the end of the other session');
    const words = others.map((_, index) => `word ${index}`);
    deepEqual(await Promise.all(others.map((socket, index) => echoes(socket, words[index]!))), words);
    elsewhere.resume();
  });

  it('is suspended as soon as a broken connection is found by what is sent', async () => {
    const { tree } = open([server], longFor(native));
    await connected(tree);
    const standing = new Int32Array(new SharedArrayBuffer(4));
    await tree.exists('/');
    await turnEnds(); // it has asked to be woken for its socket, and the event loop has not noted it yet
    const gone = server.kill();
    // the event loop does not turn, so nothing but these can find out; what is sent first is answered with a reset
    for (const end = performance.now() + 60_000; performance.now() < end && tree.session.state === 'connected';) {
      Atomics.wait(standing, 0, 0, 50);
      void tree.exists('/').catch(() => undefined);
    }
    equal(tree.session.state, 'suspended');
    await gone;
    await server.start();
    await connected(tree);
  });
});
