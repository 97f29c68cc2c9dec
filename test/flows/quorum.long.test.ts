/** Two of three servers are away for 8 s: nobody can be asked and nothing can be changed, and calls go on by the last list. */
import { deepEqual, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calling } from '../support/calls.js';
import { clients } from '../support/program.js';
import { leaderOf } from '../support/zookeeper.js';
import { connected, grounds } from './fleet.js';

for (const client of clients)
  describe(`an ensemble without a quorum, by the ${client} client`, { timeout: 240_000 }, () => {
    const on = grounds(client, 3);
    const { fleet } = on;

    it('loses no call in 8 s, nor when it is found again', async (t) => {
      const instances = [await fleet.instance('orders', 'a'), await fleet.instance('orders', 'b')];
      const { sidecar, at } = await fleet.caller('orders', 2);
      const calling = new Calling(at, 'orders');
      const leader = await leaderOf(on.servers);
      const gone = [leader, on.servers.find((server) => server !== leader)!];
      await Promise.all(gone.map((server) => server.kill()));
      await sidecar.fact('session_changed', { state: 'suspended' });
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      await Promise.all(gone.map((server) => server.start()));
      for (const each of [sidecar, ...instances]) await connected(each);
      await fleet.routable(sidecar, 2);
      const { lost, total } = await calling.stop();
      t.diagnostic(`${total} calls, ${lost.length} lost`);
      deepEqual(lost, []);
      ok(total > 0);
    });
  });
