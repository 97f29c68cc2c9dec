/** What an operator fears, on real servers and with calls going on: a leader dies, ZooKeeper is away, its data is gone, a fleet comes and goes. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calling } from '../support/calls.js';
import { Cuttable } from '../support/cuttable.js';
import { clients, eventually } from '../support/program.js';
import { RawClient } from '../support/raw-client.js';
import { leaderOf } from '../support/zookeeper.js';
import { connected, grounds } from './fleet.js';

const node = (service: string, id: string, port: number, address = '127.0.0.1'): string =>
  JSON.stringify({ name: service, id, address, port, sslPort: null, payload: null });

/** By both clients beside each other, each with servers of its own: most of it is waiting. */
const beside = { timeout: 480_000, concurrency: true };
const inTurn = { timeout: 480_000, concurrency: false };

describe('an ensemble of three', beside, () => {
  for (const client of clients)
    describe(`by the ${client} client`, inTurn, () => {
      const on = grounds(client, 3);
      const { fleet } = on;

      it('loses no call and no session when its leader is killed', async () => {
        const long = { ZIDECAR_SESSION_TIMEOUT: '30s' }; // against an election on a slow machine, where it takes 20 s and more
        const instances = [await fleet.instance('orders', 'a', long), await fleet.instance('orders', 'b', long)];
        const { sidecar, at } = await fleet.caller('orders', 2, long);
        const calling = new Calling(at, 'orders');
        const leader = await leaderOf(on.servers);
        await leader.kill();
        const rest = on.servers.filter((server) => server !== leader);
        await leaderOf(rest);
        for (const each of [sidecar, ...instances]) await connected(each);
        const { lost, total } = await calling.stop();
        deepEqual(lost, []);
        ok(total > 0);
        await fleet.routable(sidecar, 2);
        for (const each of instances) equal(each.lines.filter(({ kind }) => kind === 'announced').length, 1, each.story());
        await leader.start();
      });
    });
});

describe('a single server', beside, () => {
  for (const client of clients)
    describe(`by the ${client} client`, inTurn, () => {
      const on = grounds(client);
      const { fleet } = on;

      it('may be away for 12 s, three times a session, and no call is lost', async () => {
        const one = await fleet.instance('away', 'one');
        const two = await fleet.instance('away', 'two');
        const { sidecar, at } = await fleet.caller('away', 2);
        const calling = new Calling(at, 'away');
        await on.server.kill();
        await new Promise((resolve) => setTimeout(resolve, 12_000));
        await on.server.start();
        for (const each of [one, two, sidecar]) await connected(each);
        await eventually(
          async () =>
            (await one.get<{ announcements: { fact: string }[] }>('/announcement')).announcements[0]?.fact === 'announced',
        );
        await fleet.routable(sidecar, 2);
        const { lost } = await calling.stop();
        deepEqual(lost, [], `${lost.join('')}${[sidecar, one, two].map((each) => each.story()).join('\n\n')}`);
      });

      it('may be back for callers before it is for those who announce, whose sessions end: no call is lost', async (t) => {
        const proxy = await Cuttable.to(on.server);
        t.after(() => proxy.stop());
        const throughIt = { ZIDECAR_ZOOKEEPER: `${proxy.host}:${proxy.port}` };
        const instances = [await fleet.instance('late', 'one', throughIt), await fleet.instance('late', 'two', throughIt)];
        const { sidecar, at } = await fleet.caller('late', 2);
        const calling = new Calling(at, 'late');
        await proxy.cut();
        await on.server.kill();
        await sidecar.fact('session_changed', { state: 'expired' });
        await on.server.start();
        await sidecar.fact('list_changed', { path: '/services/late', total: 0 });
        await proxy.heal();
        for (const each of instances) await eventually(() => each.lines.filter(({ kind }) => kind === 'announced').length >= 2);
        await eventually(() => sidecar.lines.findLast(({ kind }) => kind === 'list_changed')?.['total'] === 2);
        const { lost } = await calling.stop();
        deepEqual(lost, [], `${lost.join('')}${sidecar.story()}`);
      });

      it('may lose all its data: instances announce themselves again', async () => {
        const one = await fleet.instance('wiped', 'one');
        const { sidecar } = await fleet.caller('wiped', 1);
        await on.server.kill();
        on.server.wipe();
        await on.server.start();
        await eventually(() => one.lines.filter(({ kind }) => kind === 'announced').length >= 2);
        await fleet.routable(sidecar, 1);
      });

      it('may give a sidecar another session without a word of the old one: its app is announced in the new one', async (t) => {
        const proxy = await Cuttable.to(on.server);
        t.after(() => proxy.stop());
        const sidecar = await fleet.instance('replaced', 'one', { ZIDECAR_ZOOKEEPER: `${proxy.host}:${proxy.port}` });
        const { sidecar: caller } = await fleet.caller('replaced', 1);
        const { id: before } = await sidecar.get<{ id: string }>('/session');
        await proxy.replaceSessions();
        await proxy.cut();
        await sidecar.fact('session_changed', { state: 'suspended' });
        await proxy.heal();
        await eventually(() => sidecar.lines.filter(({ kind }) => kind === 'announced').length >= 2);
        const { id: now } = await sidecar.get<{ id: string }>('/session');
        notEqual(now, before);
        await sidecar.fact('session_changed', { state: 'expired', session: before });
        const raw = await RawClient.open(on.server.connect);
        equal((await raw.exists('/services/replaced/one'))?.ephemeralOwner, now);
        await raw.close();
        await fleet.routable(caller, 1);
      });

      it('holds 500 instances of one service, all of them routable', async () => {
        const { port } = await fleet.app('many');
        const raw = await RawClient.open(on.server.connect);
        await raw.create('/services', '').catch(() => undefined);
        await raw.create('/services/many', '');
        // an address each, since duplicates are one endpoint, and none at which the caller's sidecar listens itself
        const addressOf = (index: number): string => `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
        await Promise.all(
          Array.from({ length: 500 }, (_, index) =>
            raw.create(`/services/many/m${index}`, node('many', `m${index}`, port, addressOf(index)), 'ephemeral'),
          ),
        );
        const { sidecar } = await fleet.caller('many', 500);
        await raw.close();
        await fleet.routable(sidecar, 0);
      });

      it('sees instances join and leave, 20 times a second each, and no call is lost', async () => {
        const apps = await Promise.all(Array.from({ length: 6 }, (_, index) => fleet.app(`app ${index}`)));
        const raw = await RawClient.open(on.server.connect);
        await raw.create('/services', '').catch(() => undefined);
        await raw.create('/services/churn', '');
        const join = (index: number): Promise<unknown> =>
          raw.create(`/services/churn/c${index}`, node('churn', `c${index}`, apps[index]!.port), 'ephemeral');
        for (const index of apps.keys()) await join(index);
        const { sidecar, at } = await fleet.caller('churn', 6);
        const calling = new Calling(at, 'churn');
        for (let turn = 0; turn < 200; turn++) {
          const index = turn % 5; // the last one stays, so that there is always somebody to call
          await raw.remove(`/services/churn/c${index}`);
          await new Promise((resolve) => setTimeout(resolve, 25));
          await join(index);
          await new Promise((resolve) => setTimeout(resolve, 25));
        }
        const { lost, total } = await calling.stop();
        deepEqual(lost, []);
        ok(total > 100);
        await fleet.routable(sidecar, 6);
        await raw.close();
      });
    });
});
