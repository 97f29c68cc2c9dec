import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { withoutOurSockets } from '../../../../agent/inherited.js';
import type { Session, Tree } from '../../../../agent/registry/tree.js';
import { Cuttable } from '../../../support/cuttable.js';
import { dieWithUs, holding } from '../../../support/die-with-us.js';
import { RawClient } from '../../../support/raw-client.js';
import { ZooKeeperServer, freePort, requireZooKeeper } from '../../../support/zookeeper.js';
import { bell, bytes, connected, text, until } from '../tree-contract.js';
import { fails } from '../tree-contract/nodes.js';
import { byEach, closeAll } from './open.js';

const nothing = new Uint8Array();
/** Is waited for, and outlives a moment in which the machine stands still. */
const SHORT_MS = 3_000;
/** Counts by itself, a hundred times a second as long as the process may run: when the machine stands still, so does it. */
const BEATING = `const { workerData } = require('node:worker_threads'); setInterval(() => Atomics.add(workerData, 0, 1), 10);`;
const suspended = (tree: Tree): Promise<void> => until(() => tree.session.state === 'suspended', 'the loss to be noticed');
const nextEpoch = (tree: Tree, { epoch }: Session): Promise<void> =>
  until(() => tree.session.epoch > epoch && tree.session.state === 'connected', 'the next session');

/** Each test by all clients at once, and the two servers beside each other: most of it is waiting. */
describe('a session', { skip: !requireZooKeeper(), concurrency: true }, () => {
  after(() => closeAll());

  describe('with a server that comes and goes', { concurrency: false }, () => {
    let server: ZooKeeperServer;
    before(async () => void (server = ZooKeeperServer.create('127.0.0.1', await freePort('127.0.0.1'))));
    after(() => server.remove());

    it('begins when ZooKeeper comes up after us, and says meanwhile what to do', () =>
      byEach(async ({ open, long, together }) => {
        const { tree, trouble, troubles } = open([server], long);
        equal(await trouble(/./), `nothing listens at ${server.connect}: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER`);
        await together(() => server.start());
        await connected(tree);
        equal(tree.session.epoch, 1);
        equal(troubles().filter((why) => why.startsWith('nothing listens')).length, 1, 'once');
        await tree.close();
      }));

    it('outlives a restart of it, with its ephemerals and its watches, in a process that has started children', async (t) => {
      const children: RawClient[] = [];
      t.after(() => Promise.all(children.map((child) => child.close())));
      await byEach(async ({ kind, open, long, together }) => {
        const { tree, states, story } = open([server], long);
        await connected(tree);
        const { session } = tree;
        const path = `/restart-${kind}`;
        await tree.create(path, nothing, 'persistent');
        await tree.create(`${path}/ours`, nothing, 'ephemeral');
        const { ring, rung, heard } = bell();
        await tree.read(path, ring);
        // would hold our sockets if it were left to inherit them
        await together(async () => children.push(await RawClient.open(server.connect)));
        await together(() => server.stop());
        await suspended(tree);
        await together(() => server.start());
        await connected(tree);
        deepEqual([tree.session.id, tree.session.epoch], [session.id, session.epoch], story());
        equal((await tree.exists(`${path}/ours`))?.owner, 'us');
        equal(rung(), 0);
        await tree.write(path, bytes('x'), 0);
        await heard();
        deepEqual(states(), ['connecting', 'connected', 'suspended', 'connected']);
        await tree.close();
      });
    });

    it('is a new one when its data was wiped', () =>
      byEach(async ({ kind, open, together }) => {
        const { tree, states } = open([server], { sessionTimeoutMs: SHORT_MS });
        await connected(tree);
        const { session } = tree;
        for (let index = 0; index < 20; index++) await tree.create(`/${kind}-${index}`, nothing, 'persistent'); // our zxid is ahead then
        await together(() => server.kill());
        await together(() => server.wipe());
        await together(() => server.start());
        await nextEpoch(tree, session);
        deepEqual((await tree.children('/'))?.names, ['zookeeper']);
        await together(() => undefined);
        await tree.create(`/again-${kind}`, nothing, 'ephemeral');
        ok(states().includes('expired'));
        await tree.close();
      }));
  });

  describe('with a server that hangs', { concurrency: false }, () => {
    let server: ZooKeeperServer;
    before(async () => (server = await ZooKeeperServer.start()));
    afterEach(() => server.resume());
    after(() => server.remove());

    it('is over by our own clock when nobody can tell us so, and what was out then fails', () =>
      byEach(async ({ kind, open, together }) => {
        const { tree, facts, trouble } = open([server], { sessionTimeoutMs: SHORT_MS });
        await connected(tree);
        const { session } = tree;
        const path = `/partition-${kind}`;
        await tree.create(path, nothing, 'ephemeral');
        const { ring, rung, heard } = bell();
        await tree.exists(`${path}-none`, ring);
        await together(() => server.standStill());
        await fails('connection_lost', tree.read(path));
        await until(() => facts.some((fact) => fact.kind === 'session_changed' && fact.state === 'expired'), 'our own verdict');
        const verdict = facts.find((fact) => fact.kind === 'session_changed' && fact.state === 'expired');
        ok(verdict?.kind === 'session_changed' && verdict.session === session.id);
        match(verdict.why!, /4000 ms, and it lives 3000 ms without$/);
        await trouble(/^no answer from/);
        equal(rung(), 0, 'those who wait are called when they can ask again');
        await together(() => server.resume());
        await nextEpoch(tree, session);
        notEqual(tree.session.id, session.id);
        await heard();
        const stat = (): Promise<unknown> => tree.exists(path).catch(() => 'asked between two connections');
        await until(async () => (await stat()) === undefined, 'the ephemeral of the old session to vanish');
        await tree.close();
      }));

    it('closes within seconds, and without stopping our event loop', async (t) => {
      const beats = new Int32Array(new SharedArrayBuffer(4));
      const heart = new Worker(BEATING, { eval: true, workerData: beats });
      t.after(() => heart.terminate());
      await until(() => beats[0]! > 0, 'the first beat');
      await byEach(async ({ kind, open, long, together }) => {
        const { tree } = open([server], long);
        await connected(tree);
        await tree.create(`/hangs-${kind}`, nothing, 'ephemeral');
        await together(() => server.standStill());
        let [longest, last] = [0, beats[0]!];
        const pulse = setInterval(() => {
          longest = Math.max(longest, beats[0]! - last);
          last = beats[0]!;
        }, 10);
        await tree.close();
        clearInterval(pulse);
        ok(longest < 100, `the event loop stood still for ${longest} beats of a thread beside it`);
        await together(() => server.resume());
      });
    });

    it('is a new one after our process stood still for longer than it lives', (t) =>
      byEach(async ({ kind }) => {
        const script = fileURLToPath(new URL('./frozen-client.js', import.meta.url));
        const child = withoutOurSockets(['ignore', 'inherit', 'inherit', 'ipc'], (stdio) =>
          fork(script, [server.host, String(server.port), String(SHORT_MS), kind], { stdio }),
        );
        dieWithUs(child);
        t.after(() => child.kill('SIGKILL'));
        const heard: Session[] = [];
        child.on('message', (session: Session) => void heard.push(session));
        const observer = await RawClient.open(server.connect);
        t.after(() => observer.close());
        const owner = async (): Promise<string | undefined> => (await observer.exists(`/ours-${kind}`))?.ephemeralOwner;
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
      }));

    it('survives a large answer that comes in many pieces', () =>
      byEach(async ({ kind, open, long }) => {
        const way = await Cuttable.to(server);
        const { tree } = open([way], long);
        await connected(tree);
        const { session } = tree;
        const data = new Uint8Array(60_000).fill(97);
        await tree.create(`/large-${kind}`, data, 'persistent');
        await way.trickle();
        equal(text((await tree.read(`/large-${kind}`))?.data)?.length, data.length);
        deepEqual([tree.session.state, tree.session.id], ['connected', session.id]);
        await tree.close();
        await way.stop();
      }));
  });
});
