/** Upgrades that come pipelined behind other requests: node has let go of the connection before those are answered. */
import { doesNotMatch, equal, match } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RawServer } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, get, handshake, house, ok, switching } from './house.js';

describe('a request that asks for an upgrade behind others in one packet', () => {
  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n';
  /** Answers with the path, the first one slowly, and in many pieces where it is asked to. */
  const paths = (seen: string[] = []): Promise<RawServer> =>
    RawServer.start(async (wire) => {
      for (;;) {
        const message = await wire.message();
        seen.push(message);
        const path = message.split(' ')[1]!;
        if (/websocket/i.test(message)) {
          wire.write(switching(), wire.unread);
          wire.socket.on('data', (chunk: Buffer) => wire.socket.write(chunk));
          return;
        }
        await clock.sleep(30);
        wire.write(ok(path.startsWith('/big') ? 'x'.repeat(8_000_000) : path));
      }
    });

  for (const before of [1, 2, 3])
    it(`is served after ${before} of them, in order, and the connection goes on`, async (t) => {
      const seen: string[] = [];
      const { app, proxy } = await house(t, { orders: [await paths(seen)] });
      const names = Array.from({ length: before }, (_, n) => `/${n}`);
      const post = `POST /up HTTP/1.1\r\nHost: orders\r\n${h2c}Content-Length: 5\r\n\r\nhello`;
      const wire = (await app()).write(names.map((name) => get(name)).join('') + post + get('/after'));
      for (const name of [...names, '/up', '/after'])
        match(await wire.message(), new RegExp(`^HTTP/1\\.1 200 OK\r\n(?:.*\r\n)*\r\n${name}$`));
      match(await wire.write(get('/again')).message(), /\/again$/);
      match(seen[before]!, /^POST \/up (?:.|\r\n)*hello$/);
      doesNotMatch(seen.join(), /upgrade|h2c|http2-settings/i);
      wire.end();
      await eventually(() => proxy.quiet().connections === 0);
    });

  it('is opened after them when it is a websocket, with what the app sent early', async (t) => {
    const { app, upstreams } = await house(t, { orders: [await paths()] });
    const upload = 'POST /1 HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\n\r\nhello';
    const wire = (await app()).write(`${get('/0')}${upload}${handshake()}early`);
    for (const name of ['/0', '/1']) match(await wire.message(), new RegExp(`${name}$`));
    match(await wire.head(), /^HTTP\/1\.1 101 /);
    equal(await wire.bytes(5), 'early');
    equal(await wire.write('later').bytes(5), 'later');
    equal(upstreams.get('orders')!.stats.inFlight, 1);
  });

  it('does not keep a large answer before it from being taken slowly and whole', async (t) => {
    const { app } = await house(t, { orders: [await paths()] });
    const wire = (await app()).write(get('/big') + get('/up', h2c));
    await wire.head();
    wire.socket.pause();
    await clock.sleep(200);
    wire.socket.resume();
    await wire.bytes(8_000_000);
    match(await wire.message(), /\/up$/);
  });

  it('for a tunnel is refused after them', async (t) => {
    const { app } = await house(t, { orders: [await paths()] });
    const wire = (await app()).write(`${get('/0')}CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`);
    match(await wire.message(), /\/0$/);
    match((await wire.rest()).text, /^HTTP\/1\.1 405 (?:.|\r\n)*x-zidecar-error: connect_method/);
  });

  it('is not served when the one before it was the last', async (t) => {
    const seen: string[] = [];
    const { app, proxy } = await house(t, { orders: [await paths(seen)] });
    const wire = (await app()).write(get('/0') + get('/up', h2c));
    await eventually(() => seen.length === 1);
    proxy.drain();
    const { text } = await wire.rest();
    match(text, /^HTTP\/1\.1 200 OK(?:.|\r\n)*connection: close(?:.|\r\n)*\/0$/i);
    equal(seen.length, 1);
  });

  for (const how of ['end', 'reset'] as const)
    it(`frees everything when the app goes away meanwhile: ${how}`, async (t) => {
      const seen: string[] = [];
      const { app, proxy, upstreams } = await house(t, { orders: [await paths(seen)] });
      const wire = (await app()).write(get('/0') + get('/up', h2c));
      await eventually(() => seen.length === 1);
      wire[how]();
      await eventually(() => proxy.quiet().connections === 0 && proxy.quiet().calls === 0);
      equal(upstreams.get('orders')!.stats.inFlight, 0);
    });
});
