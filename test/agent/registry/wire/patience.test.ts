/** How long a client waits for a server that says nothing, by a clock that the test moves on. */
import { deepEqual, equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../support/clock.js';
import { FakeServer, type Guest } from './fake-server.js';
import { opened } from './opened.js';

describe('patience', () => {
  const staged = async (
    next: (guest: Guest, nth: number) => void,
  ): Promise<{ one: ReturnType<typeof opened>; server: FakeServer; passes: (isSo: () => boolean) => Promise<void> }> => {
    const clock = new FakeClock();
    let count = 0;
    const server = await FakeServer.start({ timeoutMs: 30_000, onGreeting: (guest) => next(guest, count++) });
    const one = opened([server], { clock, timeoutMs: 30_000 });
    const passes = async (isSo: () => boolean): Promise<void> => {
      for (let ms = 0; !isSo() && ms < 120_000; ms += 50) {
        await clock.advance(50);
        await new Promise((resolve) => setTimeout(resolve, 1)); // for the sockets
      }
      equal(isSo(), true, [...one.troubles, ...one.overs].join('\n'));
    };
    return { one, server, passes };
  };

  // a server of 3.8.0 that is just starting forgets connections that come before its database is there
  it('with a server that takes connections and forgets them ends soon enough to keep the session', async () => {
    const { one, server, passes } = await staged((guest, nth) => {
      if (nth === 0 || nth === 10) guest.greet(7n, 30_000);
      else if (nth <= 5) guest.socket.destroy();
    });
    await passes(() => one.ups.length === 1);
    server.guests[0]!.socket.destroy();
    await passes(() => one.ups.length === 2);
    const waits = one.troubles.flatMap((why) => /does not answer our greeting within (\d+) ms/.exec(why)?.[1] ?? []);
    deepEqual(waits, ['2000', '4000', '8000', '10000'], 'and those that refuse at once make it no longer');
    deepEqual([one.overs, one.ups[1]!.id], [[], '7']);
    one.client.drop();
    await server.stop();
  });
});
