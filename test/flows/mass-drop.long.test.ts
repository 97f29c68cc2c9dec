/** How long the brake on a mass drop holds: until a sync and a read have shown that they are gone, or they are listed again. */
import { equal, ok } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calling } from '../support/calls.js';
import { RawClient } from '../support/raw-client.js';
import { clients } from '../support/program.js';
import { grounds } from './fleet.js';
import { herd } from './mass-drop.js';

for (const client of clients)
  describe(`after a mass drop, by the ${client} client`, { timeout: 120_000 }, () => {
    const on = grounds(client);
    const { fleet } = on;

    it('those who are gone are let go by a sync and a read, after 10 s', async (t) => {
      const members = await herd(on.server.connect, { gone: 4 });
      t.after(() => members.end());
      const { sidecar } = await fleet.caller('gone', 4);
      await members.vanish();
      const [braked, confirmed] = [
        await sidecar.fact('mass_drop', { upstream: 'gone' }),
        await sidecar.fact('mass_drop_confirmed', { upstream: 'gone', endpoints: 4 }),
      ].map((line) => Date.parse(String(line['time'])));
      ok(confirmed! - braked! >= 10_000 - 10, `${confirmed! - braked!} ms`);
      await fleet.routable(sidecar, 0);
    });

    it('those who come back are confirmed, and no call is lost in between', async (t) => {
      const members = await herd(on.server.connect, { back: 4 });
      t.after(() => members.end());
      const { sidecar, at } = await fleet.caller('back', 4);
      const calling = new Calling(at, 'back', { method: 'POST' });
      await members.vanish();
      await sidecar.fact('mass_drop', { upstream: 'back' });
      const raw = await RawClient.open(on.server.connect);
      t.after(() => raw.close());
      for (const { name, port } of members.apps.get('back')!)
        await raw.create(`/services/back/${name}`, JSON.stringify({ id: name, address: '127.0.0.1', port }), 'ephemeral');
      await new Promise((resolve) => setTimeout(resolve, 13_000)); // beyond the time at which the gone are let go
      await fleet.routable(sidecar, 4);
      const { lost, total } = await calling.stop();
      equal(lost.join('\n'), '');
      ok(total > 100);
      equal(sidecar.lines.filter(({ kind }) => kind === 'mass_drop_confirmed').length, 0, sidecar.story());
    });
  });
