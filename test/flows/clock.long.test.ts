/** The wall clock of a machine is set a day ahead, and then two days back: sessions, lists and calls do not go by it. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calling } from '../support/calls.js';
import { clients, eventually, type Sidecar } from '../support/program.js';
import { grounds } from './fleet.js';

const NODE_OPTIONS = `--import=${new URL('../support/shifted-clock.js', import.meta.url).href}`;
const HOUR_MS = 60 * 60 * 1_000;

interface Upstreams {
  readonly upstreams: readonly { readonly endpoints: readonly { readonly weight: number }[] }[];
}

for (const client of clients)
  describe(`a wall clock that jumps, by the ${client} client`, { timeout: 120_000 }, () => {
    const on = grounds(client);
    const { fleet } = on;

    /** How often its session was heard by the server. */
    const heard = async (sidecar: Sidecar): Promise<number> => {
      const { id } = await sidecar.get<{ id: string }>('/session');
      const found = new RegExp(`recved=(\\d+),sent=\\d+,sid=0x${id},`).exec(await on.server.ask('cons'));
      ok(found, `the session ${id} is open`);
      return Number(found[1]);
    };

    it('ends no session, loses no announcement and no call', async () => {
      const one = await fleet.instance('orders', 'one', { NODE_OPTIONS });
      const { sidecar, at } = await fleet.caller('orders', 1, { NODE_OPTIONS });
      const calling = new Calling(at, 'orders');
      for (const [weight, expected] of [
        [2, 24 * HOUR_MS],
        [3, -24 * HOUR_MS],
      ] as const) {
        for (const each of [one, sidecar]) each.signal('SIGUSR2');
        await one.post('/announcement', { weight });
        await eventually(async () => (await sidecar.get<Upstreams>('/upstreams')).upstreams[0]?.endpoints[0]?.weight === weight);
        const { time } = one.lines.filter(({ kind }) => kind === 'announced').at(-1)!;
        ok(Math.abs(Date.parse(String(time)) - Date.now() - expected) < HOUR_MS, `its clock says ${String(time)}`);
        // pings go by a third of the session: five of them are longer than it lives without one
        const before = await Promise.all([one, sidecar].map(heard));
        await eventually(async () => {
          const now = await Promise.all([one, sidecar].map(heard));
          return now.every((count, index) => count >= before[index]! + 5);
        });
      }
      deepEqual((await calling.stop()).lost, []);
      for (const each of [one, sidecar]) {
        const states = each.lines.filter(({ kind }) => kind === 'session_changed').map(({ state }) => state);
        equal(states.at(-1), 'connected');
        deepEqual(
          states.filter((state) => state === 'suspended' || state === 'expired'),
          [],
          each.story(),
        );
        equal(each.lines.filter(({ kind }) => kind === 'announcement_lost').length, 0);
      }
    });
  });
