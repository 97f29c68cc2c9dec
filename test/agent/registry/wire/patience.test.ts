/** How long a client waits for a server that says nothing, by a clock that the test moves on. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock } from '../../../../agent/registry/wire/ports.js';
import { tlsFrom } from '../../../../agent/registry/wire/tls-files.js';
import { Authority } from '../../../support/certificates.js';
import { FakeClock } from '../../../support/clock.js';
import { FakeServer, type Guest } from './fake-server.js';
import { opened } from './opened.js';

/** Moves on until it is so, in steps, so that sockets can be heard in between. */
const passing =
  (clock: FakeClock, one: ReturnType<typeof opened>) =>
  async (isSo: () => boolean): Promise<void> => {
    for (let ms = 0; !isSo() && ms < 120_000; ms += 50) {
      await clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    equal(isSo(), true, [...one.troubles, ...one.downs, ...one.overs].join('\n'));
  };

describe('patience', () => {
  const staged = async (
    next: (guest: Guest, nth: number) => void,
  ): Promise<{ one: ReturnType<typeof opened>; server: FakeServer; passes: (isSo: () => boolean) => Promise<void> }> => {
    const clock = new FakeClock();
    let count = 0;
    const server = await FakeServer.start({ timeoutMs: 30_000, onGreeting: (guest) => next(guest, count++) });
    const one = opened([server], { clock, timeoutMs: 30_000 });
    return { one, server, passes: passing(clock, one) };
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

  const silent = async (
    srvr: string,
    meanwhile: (guest: Guest) => void = () => undefined,
  ): Promise<{ readonly ms: number; readonly why: string }> => {
    const clock = new FakeClock();
    const mute = await FakeServer.start({ timeoutMs: 30_000, onRequest: (guest) => clock.after(2_900, () => meanwhile(guest)) });
    const other = await FakeServer.start({ timeoutMs: 30_000, srvr });
    const one = opened([mute, other], { clock, timeoutMs: 30_000 });
    const passes = passing(clock, one);
    await passes(() => one.ups.length === 1);
    const begun = clock.now();
    const asked = one.client.exists('/a').catch(() => undefined);
    await passes(() => one.downs.length === 1);
    const ms = clock.now() - begun;
    await passes(() => one.ups.length === 2);
    equal(one.ups[1]!.server, other.label);
    one.client.drop();
    await Promise.all([asked, mute.stop(), other.stop()]);
    return { ms, why: one.downs[0]!.replaceAll(/fake:\d+/g, 'it') };
  };

  it('with a server that hangs ends after a tenth of the timeout when another one serves', async () => {
    for (const srvr of ['Mode: follower\n', 'srvr is not executed because it is not in the whitelist.\n']) {
      const { ms, why } = await silent(srvr);
      equal(why, 'it is silent, and it is not');
      ok(ms >= 3_000 && ms <= 4_000, String(ms));
    }
  });

  it('lasts for a quarter of it when no other one is seen to serve, or when the silent one was heard meanwhile', async () => {
    for (const srvr of ['', 'This ZooKeeper instance is not currently serving requests\n']) {
      const { ms, why } = await silent(srvr);
      equal(why, 'it is silent: it does not answer in time');
      ok(ms >= 7_500 && ms <= 8_500, String(ms));
    }
    let once = true;
    const { ms } = await silent('Mode: leader\n', (guest) => {
      if (once) guest.event(3, '/other');
      once = false;
    });
    ok(ms >= 5_900 && ms <= 7_000, String(ms));
  });

  it('ends after a second when somebody cannot wait, and the session goes on at the same server, which is not left while it speaks', async () => {
    const clock = new FakeClock();
    let speaks = false;
    const onRequest = (guest: Guest, { xid }: { xid: number }): void => {
      if (speaks) guest.answer(xid, -101);
    };
    const server = await FakeServer.start({ timeoutMs: 30_000, onRequest });
    const one = opened([server], { clock, timeoutMs: 30_000 });
    const passes = passing(clock, one);
    await passes(() => one.ups.length === 1);
    const begun = clock.now();
    const refused = rejects(one.client.delete('/a'), { code: 'CONNECTION_LOSS' });
    one.client.hurry();
    await passes(() => one.ups.length === 2);
    await refused;
    ok(clock.now() - begun < 2_000, String(clock.now() - begun));
    equal(one.downs[0], `${server.label} is silent, and we cannot wait`);
    equal(one.ups[1]!.id, one.ups[0]!.id);
    speaks = true;
    await clock.advance(10);
    one.client.hurry();
    equal(await one.client.exists('/a'), undefined);
    await clock.advance(2_000);
    equal(one.downs.length, 1);
    one.client.drop();
    await server.stop();
  });

  it('does not end because our own process stood still while the server spoke', async () => {
    const fake = new FakeClock();
    let skewMs = 0;
    let ring = (): void => undefined;
    const clock: Clock = {
      now: () => fake.now() + skewMs,
      after: (ms, run) => fake.after(ms, (ring = run)),
      sleep: (ms, signal) => fake.sleep(ms, signal),
    };
    const server = await FakeServer.start({ timeoutMs: 30_000 });
    const one = opened([server], { clock, timeoutMs: 30_000 });
    const passes = passing(fake, one);
    await passes(() => one.ups.length === 1);
    skewMs = 25_000;
    server.guests[0]!.event(3, '/other');
    ring(); // a timer that is due is looked at before a socket is
    await passes(() => fake.now() > 10_000);
    deepEqual([one.downs, one.ups.length], [[], 1]);
    one.client.drop();
    await server.stop();
  });

  it('with a server that says all that TLS wants, one byte after the other, ends as with one that says nothing', async (t) => {
    const authority = new Authority('ours');
    t.after(() => authority.remove());
    const { cert, key } = authority.issue('zk', ['IP:127.0.0.1'], 'ec');
    const secret = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }).on('tlsClientError', () => undefined);
    await listening(secret);
    let dripped = 0;
    const dripping = createServer((client) => {
      const behind = connect((secret.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
      client.on('error', () => undefined).pipe(behind);
      void (async () => {
        for await (const chunk of behind as AsyncIterable<Buffer>) {
          for (const byte of chunk) {
            if (client.destroyed) return;
            client.write(Buffer.of(byte));
            dripped++;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }
      })().catch(() => undefined);
      client.on('close', () => behind.destroy());
    });
    await listening(dripping);
    t.after(() => [secret, dripping].map((server) => server.close()));
    const clock = new FakeClock();
    const { port } = dripping.address() as AddressInfo;
    const tls = tlsFrom({ ca: authority.ca }, () => undefined);
    const one = opened([{ host: '127.0.0.1', port, label: 'drips' }], { clock, timeoutMs: 30_000, tls });
    await passing(clock, one)(() => one.troubles.length > 0);
    deepEqual(one.troubles.slice(0, 1), ['drips takes no connection within 1000 ms']);
    ok(dripped > 1, `it has said ${dripped} bytes by then`);
    one.client.drop();
  });
});

const listening = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
