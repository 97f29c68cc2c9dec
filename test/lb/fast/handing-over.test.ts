/** What is not plain goes to the full lane, with every byte that no call has used, and stays there. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { Endpoint } from '../../../lb/endpoint.js';
import { RawServer } from '../../support/raw.js';
import { clock } from '../../support/running-clock.js';
import { eventually, get, house, ok, useLane } from '../full/house.js';

useLane('fast');

const echo = (): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    for (;;) {
      const head = await wire.head();
      const body = /transfer-encoding/i.test(head) ? await wire.until('0\r\n\r\n') : await wire.message().catch(() => '');
      wire.write(ok(`${head.split(' ')[1]!} ${body.replace(/\r\n/g, '.')}`));
    }
  });
const plain = (): Promise<RawServer> =>
  RawServer.start(async (wire) => {
    for (;;) wire.write(ok((await wire.message()).split(' ')[1]));
  });
const chunked = 'POST /chunked HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';

describe('a connection of the app', () => {
  it('stays in the fast lane as long as its exchanges are plain', async (t) => {
    const { app, proxy } = await house(t, { orders: [await plain()] });
    const wire = await app();
    for (const more of [
      '',
      'Connection: keep-alive\r\n',
      'x-zidecar-retries: 0\r\n',
      'Via: 1.1 a\r\n',
      'x_request_id: b\r\n',
      'Content-Length: 0\r\n',
    ])
      match(await wire.write(get('/a', more)).message(), /\/a$/);
    match(await wire.write('GET http://orders/b HTTP/1.1\r\nHost: proxy\r\n\r\n').message(), /\/b$/);
    match(await wire.write('GET /svc/orders/c HTTP/1.1\r\nHost: localhost\r\n\r\n').message(), /\/c$/);
    const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n';
    match(await wire.write(get('/d', h2c)).message(), /\/d$/);
    deepEqual(proxy.carried(), { fast: 9, full: 0, tcp: 0 });
  });

  it('that sends a body in chunks is handed on with it, wherever it is split, and what follows is carried there', async (t) => {
    const { app, proxy } = await house(t, { orders: [await echo()] });
    for (let split = 0; split < chunked.length; split += 7) {
      const wire = await app();
      wire.write(chunked.slice(0, split));
      await new Promise((resolve) => setImmediate(resolve));
      wire.write(chunked.slice(split));
      match(await wire.message(), /\/chunked 3\.abc\.0\.\.$/);
      wire.reset();
    }
    equal(proxy.carried().fast, 0);
  });

  it('is handed on between two calls, in the order of the requests', async (t) => {
    const { app, proxy } = await house(t, { orders: [await plain()] });
    const wire = await app();
    const upgradeless = 'OPTIONS /3 HTTP/1.1\r\nHost: orders\r\nTE: a\r\nExpect: 100-continue\r\n\r\n';
    wire.write(get('/1'), get('/2'), upgradeless, get('/4'), get('/5'));
    for (const path of ['/1', '/2']) match(await wire.message(), new RegExp(`${path}$`));
    const rest = (await wire.until('/3')) + (await wire.until('/5'));
    match(rest, /\/3(?:.|\r\n)*\/4(?:.|\r\n)*\/5$/);
    deepEqual(proxy.carried(), { fast: 2, full: 3, tcp: 0 });
  });

  for (const count of [2, 40, 70])
    it(`with its end read already is cut from no call but the last of ${count}`, async (t) => {
      const [got, answered]: [string[], (() => void)[]] = [[], []];
      const orders = await RawServer.start(async (wire) => {
        for (;;) {
          const path = (await wire.message()).split(' ')[1]!;
          got.push(path);
          if (path === '/1') await new Promise<void>((resolve) => answered.push(resolve));
          await clock.sleep(5);
          wire.write(ok(path));
        }
      });
      const { app, proxy } = await house(t, { orders: [orders] });
      const sockets: Socket[] = [];
      const accepted = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
      subscribe('net.server.socket', accepted);
      t.after(() => unsubscribe('net.server.socket', accepted));
      const wire = (await app()).write(get('/1'));
      await eventually(() => got.length === 1);
      const near = sockets.find(({ remotePort }) => remotePort === wire.socket.localPort)!;
      wire.write(get('/odd', 'Expect: 100-continue\r\n'));
      await eventually(() => near.isPaused()); // it waits, so what comes now stays with node, and the end behind it is not told
      wire.write(get('/2').repeat(count - 1)).end();
      await eventually(() => wire.socket.writableFinished && near.bytesRead === wire.socket.bytesWritten);
      for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve)); // its end is read
      answered[0]!();
      const { text } = await wire.rest();
      const answers = text.match(/200 OK(?:.|\r\n)*?\/\w/g) ?? [];
      equal(answers.length >= count, true, `${answers.length} of ${count + 1} were answered, the endpoint got ${got.length}`);
      equal(proxy.carried().fast, 1);
    });

  it('that asks for a websocket gets one, with the bytes that it sent early', async (t) => {
    const orders = await RawServer.start(async (wire) => {
      await wire.head();
      wire.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      wire.write(`got ${await wire.until('early')}`);
    });
    const { app, proxy } = await house(t, { orders: [orders] });
    const wire = (await app()).write(get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'), 'early');
    match(await wire.head(), / 101 /);
    equal(await wire.until('early'), 'got early');
    deepEqual(proxy.carried(), { fast: 0, full: 1, tcp: 0 });
  });

  it('that goes in circles, is for nobody, or makes no sense is answered there', async (t) => {
    const { ask, proxy } = await house(t, { orders: [await plain()] });
    match(await ask(get('/', 'Via: 1.1 zidecar-test\r\n')), /^HTTP\/1\.1 508 /);
    match(await ask('GET / HTTP/1.1\r\nHost: nobody\r\n\r\n'), /^HTTP\/1\.1 404 /);
    match(await ask(get('/', 'x-zidecar-timeout: soon\r\n')), /^HTTP\/1\.1 400 /);
    match(await ask('GET /svc/nobody/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'), /^HTTP\/1\.1 404 /);
    deepEqual(proxy.carried(), { fast: 0, full: 4, tcp: 0 });
  });
});

/** Says of each request what its body hashes to, and takes its time for the first. */
const hashing = async (t: TestContext): Promise<Endpoint> => {
  const server = createServer((request, response) => {
    const hash = createHash('md5');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => clock.after(request.url === '/slow' ? 50 : 0, () => response.end(hash.digest('hex'))));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => (server.closeAllConnections(), server.close()));
  return { id: 'a', host: '127.0.0.1', port: (server.address() as AddressInfo).port, weight: 1, meta: {} };
};

it('what cannot be read is counted as that, though the app breaks off in the turn in which it comes', async (t) => {
  const { app, proxy } = await house(t, { orders: [await plain()] });
  const wire = await app();
  await eventually(() => proxy.quiet().connections === 1);
  wire.write('GARBAGE\r\n\r\n').reset();
  await eventually(() => proxy.strays.calls.get('bad_request') === 1);
});

it('a body that came in many pieces behind a call that ran arrives in order', async (t) => {
  const { app } = await house(t, { orders: [await hashing(t)] });
  const body = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7 + (at >> 8) * 13) & 255));
  const expected = createHash('md5').update(body).digest('hex');
  const upload = async (nth: number): Promise<void> => {
    const wire = await app();
    wire.socket.setNoDelay(true);
    wire.write(get('/slow'));
    await clock.sleep(10);
    const pieces = [20_000, 20_100 + (nth % 10) * 1_000, 30_000];
    wire.write(`POST /p HTTP/1.1\r\nHost: orders\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`);
    let at = 0;
    for (const end of pieces) {
      wire.write(body.subarray(at, end));
      at = end;
      await clock.sleep(10);
    }
    await clock.sleep(20);
    for (; at < body.length; at += 5_000) {
      wire.write(body.subarray(at, at + 5_000));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await wire.until('\r\n\r\n'); // of the slow one
    match(await wire.until(expected), /HTTP\/1\.1 200 /);
    wire.socket.destroy();
  };
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, (_, nth) => upload(nth)));
});

it('what waits behind a body is no part of it', async (t) => {
  const { app } = await house(t, { orders: [await hashing(t)] });
  const wire = await app();
  const count = 100;
  const post = (body: string, more = ''): string =>
    `POST /p HTTP/1.1\r\nHost: orders\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  wire.write(post('x'.repeat(1_000), 'Expect: 100-continue\r\n') + post('y'.repeat(10_000)).repeat(count));
  const of = (text: string): string => createHash('md5').update(text).digest('hex');
  for (const text of ['x'.repeat(1_000), ...Array.from({ length: count }, () => 'y'.repeat(10_000))])
    match(await wire.until(of(text)), /HTTP\/1\.1 200 /);
  wire.socket.destroy();
});

describe('a name that is remembered', () => {
  it('is looked up with each call all the same: another upstream of that name gets the next one', async (t) => {
    const [one, two] = [await RawServer.always(ok('one')), await RawServer.always(ok('two'))];
    const { app, upstreams } = await house(t, { orders: [one], other: [two] });
    const wire = await app();
    match(await wire.write(get()).message(), /one$/);
    upstreams.set('orders', upstreams.get('other')!);
    match(await wire.write(get()).message(), /two$/);
    upstreams.delete('orders');
    match(await wire.write(get()).message(), /^HTTP\/1\.1 404 /);
  });

  it('is remembered by its address, never by the path behind it', async (t) => {
    const { app, proxy } = await house(t, { orders: [await plain()], users: [await plain()] });
    const wire = await app();
    const via = async (target: string, host: string): Promise<string> =>
      (await wire.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).message()).split('\r\n').at(-1)!;
    for (let n = 0; n < 2; n++) {
      equal(await via('/svc/orders/x', 'localhost'), '/x');
      equal(await via('/svc/users/x?/svc/orders', 'localhost'), '/x?/svc/orders');
      equal(await via('/svc/orders/x', 'users'), '/svc/orders/x');
      equal(await via('/svc/', 'users'), '/svc/');
      equal(await via('http://users/y', 'orders'), '/y');
      equal(await via('http://users/svc/orders/y', 'orders'), '/svc/orders/y');
      equal(await via('HTTP://localhost:1/svc/orders/z', 'users'), '/z');
    }
    equal(proxy.carried().full, 0);
  });
});
