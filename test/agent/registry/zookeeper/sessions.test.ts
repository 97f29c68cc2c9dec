import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { withoutOurSockets } from '../../../../agent/inherited.js';
import type { Session, Tree } from '../../../../agent/registry/tree.js';
import { dieWithUs, holding } from '../../../support/die-with-us.js';
import { RawClient } from '../../../support/raw-client.js';
import { ZooKeeperServer, freePort, requireZooKeeper } from '../../../support/zookeeper.js';
import { bell, bytes, connected, text, until } from '../tree-contract.js';
import { fails } from '../tree-contract/nodes.js';
import { clients, closeAll, longFor, opening } from './open.js';

const nothing = new Uint8Array();
/** Is waited for, and outlives a moment in which the machine stands still. */
const SHORT_MS = 3_000;
/** Counts by itself, a hundred times a second as long as the process may run: when the machine stands still, so does it. */
const BEATING = `const { workerData } = require('node:worker_threads'); setInterval(() => Atomics.add(workerData, 0, 1), 10);`;
const suspended = (tree: Tree): Promise<void> => until(() => tree.session.state === 'suspended', 'the loss to be noticed');
const nextEpoch = (tree: Tree, { epoch }: Session): Promise<void> =>
  until(() => tree.session.epoch > epoch && tree.session.state === 'connected', 'the next session');

for (const client of clients) {
  const open = opening(client);
  const long = longFor(client);

  describe(`a session with one server, by the ${client.kind} client`, { skip: !requireZooKeeper() }, () => {
    let server: ZooKeeperServer;
    before(async () => (server = await ZooKeeperServer.start()));
    after(async () => {
      server.resume();
      await closeAll();
      await server.remove();
    });

    it('begins when ZooKeeper comes up after us, and says meanwhile what to do', async () => {
      const late = ZooKeeperServer.create('127.0.0.1', await freePort('127.0.0.1'));
      const { tree, trouble, troubles } = open([late], long);
      equal(await trouble(/./), `nothing listens at ${late.connect}: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER`);
      await late.start();
      await connected(tree);
      equal(tree.session.epoch, 1);
      equal(troubles().filter((why) => why.startsWith('nothing listens')).length, 1, 'once');
      await tree.close();
      await late.remove();
    });

    it('outlives a restart of the server, with its ephemerals and its watches', async () => {
      const { tree, states, story } = open([server], long);
      await connected(tree);
      const { session } = tree;
      await tree.create('/restart', nothing, 'persistent');
      await tree.create('/restart/ours', nothing, 'ephemeral');
      const { ring, rung, heard } = bell();
      await tree.read('/restart', ring);
      await server.stop();
      await suspended(tree);
      await server.start();
      await connected(tree);
      deepEqual([tree.session.id, tree.session.epoch], [session.id, session.epoch], story());
      equal((await tree.exists('/restart/ours'))?.owner, 'us');
      equal(rung(), 0);
      await tree.write('/restart', bytes('x'), 0);
      await heard();
      deepEqual(states(), ['connecting', 'connected', 'suspended', 'connected']);
      await tree.close();
    });

    it('is over by our own clock when nobody can tell us so, and what was out then fails', async () => {
      const { tree, facts, trouble } = open([server], { sessionTimeoutMs: SHORT_MS });
      await connected(tree);
      const { session } = tree;
      await tree.create('/partition', nothing, 'ephemeral');
      const { ring, rung, heard } = bell();
      await tree.exists('/partition/none', ring);
      server.freeze();
      await fails('connection_lost', tree.read('/partition'));
      await until(() => facts.some((fact) => fact.kind === 'session_changed' && fact.state === 'expired'), 'our own verdict');
      const verdict = facts.find((fact) => fact.kind === 'session_changed' && fact.state === 'expired');
      ok(verdict?.kind === 'session_changed' && verdict.session === session.id);
      match(verdict.why!, /4000 ms, and it lives 3000 ms without$/);
      await trouble(/^no answer from/);
      equal(rung(), 0, 'those who wait are called when they can ask again');
      server.resume();
      await nextEpoch(tree, session);
      notEqual(tree.session.id, session.id);
      await heard();
      await until(async () => (await tree.exists('/partition')) === undefined, 'the ephemeral of the old session to vanish');
      await tree.close();
    });

    it('is a new one when the data of the server was wiped', async () => {
      const wiped = await ZooKeeperServer.start();
      const { tree, states } = open([wiped], { sessionTimeoutMs: SHORT_MS });
      await connected(tree);
      const { session } = tree;
      for (let index = 0; index < 20; index++) await tree.create(`/${index}`, nothing, 'persistent'); // our zxid is ahead then
      await wiped.kill();
      wiped.wipe();
      await wiped.start();
      await nextEpoch(tree, session);
      deepEqual((await tree.children('/'))?.names, ['zookeeper']);
      await tree.create('/again', nothing, 'ephemeral');
      ok(states().includes('expired'));
      await tree.close();
      await wiped.remove();
    });

    it('is a new one after our process stood still for longer than it lives', async (t) => {
      const script = fileURLToPath(new URL('./frozen-client.js', import.meta.url));
      const child = withoutOurSockets(['ignore', 'inherit', 'inherit', 'ipc'], (stdio) =>
        fork(script, [server.host, String(server.port), String(SHORT_MS), client.kind], { stdio }),
      );
      dieWithUs(child);
      t.after(() => child.kill('SIGKILL'));
      const heard: Session[] = [];
      child.on('message', (session: Session) => void heard.push(session));
      const observer = await RawClient.open(server.connect);
      t.after(() => observer.close());
      const owner = async (): Promise<string | undefined> => (await observer.exists('/ours'))?.ephemeralOwner;
      await until(async () => heard.at(-1)?.state === 'connected' && (await owner()) === heard.at(-1)?.id, 'its ephemeral');
      const first = heard.at(-1)!;
      child.kill('SIGSTOP');
      await until(async () => (await owner()) === undefined, 'its ephemeral to vanish');
      child.kill('SIGCONT');
      await until(async () => (await owner()) !== undefined, 'its ephemeral to come back');
      const last = heard.at(-1)!;
      deepEqual([last.state, last.epoch, await owner()], ['connected', first.epoch + 1, last.id]);
      ok(heard.some(({ state, id }) => state === 'expired' && id === first.id));
      const ended = holding(once(child, 'exit'));
      child.send('close');
      deepEqual(await ended, [0, null], 'a closed tree keeps no process alive');
      equal(await owner(), undefined);
    });

    it('closes within seconds, and without stopping our event loop, while the server hangs', async (t) => {
      const { tree } = open([server], long);
      await connected(tree);
      await tree.create('/hangs', nothing, 'ephemeral');
      const beats = new Int32Array(new SharedArrayBuffer(4));
      const heart = new Worker(BEATING, { eval: true, workerData: beats });
      t.after(() => heart.terminate());
      await until(() => beats[0]! > 0, 'the first beat');
      server.freeze();
      let [longest, last] = [0, beats[0]!];
      const pulse = setInterval(() => {
        longest = Math.max(longest, beats[0]! - last);
        last = beats[0]!;
      }, 10);
      await tree.close();
      clearInterval(pulse);
      ok(longest < 100, `the event loop stood still for ${longest} beats of a thread beside it`);
      server.resume();
    });

    it('reconnects in a process that has started children', async () => {
      const { tree } = open([server], long);
      await connected(tree);
      const { session } = tree;
      const child = await RawClient.open(server.connect); // would hold our socket if it were left to inherit it
      await server.stop();
      await suspended(tree);
      await server.start();
      await connected(tree);
      equal(tree.session.id, session.id);
      await tree.close();
      await child.close();
    });

    it('survives a large answer that comes in many pieces', async () => {
      const { Cuttable } = await import('../../../support/cuttable.js');
      const way = await Cuttable.to(server);
      const { tree } = open([way], long);
      await connected(tree);
      const { session } = tree;
      const data = new Uint8Array(60_000).fill(97);
      await tree.create('/large', data, 'persistent');
      await way.trickle();
      equal(text((await tree.read('/large'))?.data)?.length, data.length);
      deepEqual([tree.session.state, tree.session.id], ['connected', session.id]);
      await tree.close();
      await way.stop();
    });
  });
}
