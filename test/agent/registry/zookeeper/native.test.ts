import { deepEqual, equal } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turnEnds } from 'node:timers/promises';
import { after, afterEach, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { isInherited, openNumbers, socketAt } from '../../../../agent/inherited.js';
import { Cuttable } from '../../../support/cuttable.js';
import { isNativeBuilt } from '../../../support/native.js';
import { ZooKeeperServer, requireZooKeeper } from '../../../support/zookeeper.js';
import { connected, until } from '../tree-contract.js';
import { closeAll, longFor, opening } from './open.js';

/** Of a connection and an echo on this machine, by a socket that is never woken. */
const PATIENCE_MS = 60_000;
const native = { kind: 'native' } as const;

/** The event loop does not turn. */
const standFor = (ms: number): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Its sockets: they lack the mark that all others have. */
const strays = (): readonly string[] =>
  openNumbers()
    .filter(isInherited)
    .flatMap((number) => socketAt(number) ?? []);

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

  const allEcho = async (others: readonly Socket[]): Promise<void> => {
    const words = others.map((_, index) => `word ${index}`);
    deepEqual(await Promise.all(others.map((socket, index) => echoes(socket, words[index]!))), words);
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
    await allEcho(others);
    server.resume();
  });

  const lineTo = async (server: ZooKeeperServer, t: TestContext): Promise<Cuttable> => {
    const line = await Cuttable.to(server);
    t.after(() => line.stop());
    return line;
  };
  /** Of the only client, which is connected by `line`. Resolves with its socket. It is taken at once: what is refused is made again by the timer that ends it. */
  const unansweredAttempt = async (line: Cuttable): Promise<string> => {
    const before = strays();
    await line.silence();
    const attempt = (): string | undefined => strays().find((socket) => !before.includes(socket));
    await until(() => attempt() !== undefined, 'an attempt');
    return attempt()!;
  };

  it('nor when it gives up an attempt that nobody answers', async (t) => {
    const line = await lineTo(server, t);
    const { tree, states } = open([line], { sessionTimeoutMs: 3_000 });
    await connected(tree);
    const others: Socket[] = [];
    const dialling = setInterval(() => others.push(dial()), 10);
    t.after(() => {
      clearInterval(dialling);
      others.forEach((socket) => socket.destroy());
    });
    await unansweredAttempt(line);
    await until(() => states().includes('expired'), 'the end of the session');
    clearInterval(dialling);
    await allEcho(others);
  });

  for (const when of ['during', 'behind'])
    it(`nor when another one of it has connected ${when} that attempt`, async (t) => {
      const elsewhere = await ZooKeeperServer.start();
      t.after(() => elsewhere.remove());
      const connectAnother = (): Promise<void> => connected(open([elsewhere], longFor(native)).tree);
      const line = await lineTo(server, t);
      const { tree } = open([line], { sessionTimeoutMs: 18_000 });
      await connected(tree);
      // we look from the loss on, every 3 s, and it counts from its attempt on: what it ends itself, after 12 s, it ends between two looks
      tree.onSession(({ state }) => {
        if (state === 'suspended') standFor(1_500);
      });
      const attempt = await unansweredAttempt(line);
      if (when === 'during') await connectAnother();
      await until(() => !strays().includes(attempt), 'the end of the attempt');
      if (when === 'behind') await connectAnother();
      const others = Array.from({ length: 30 }, dial);
      t.after(() => others.forEach((socket) => socket.destroy()));
      equal(strays().length, 1, 'the next attempt has come before there were others');
      await until(() => strays().length === 2, 'the next attempt');
      await allEcho(others);
    });

  it('is suspended as soon as a broken connection is found by what is sent', async () => {
    const { tree } = open([server], longFor(native));
    await connected(tree);
    await tree.exists('/');
    await turnEnds(); // it has asked to be woken for its socket, and the event loop has not noted it yet
    const gone = server.kill();
    // nothing but these can find out; what is sent first is answered with a reset
    for (const end = performance.now() + 60_000; performance.now() < end && tree.session.state === 'connected';) {
      standFor(50);
      void tree.exists('/').catch(() => undefined);
    }
    equal(tree.session.state, 'suspended');
    await gone;
    await server.start();
    await connected(tree);
  });
});
