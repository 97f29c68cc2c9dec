/** The buffer of a connection that has closed goes to the next one: not before its last byte has left for the app. */
import { equal, match, ok as isTrue } from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { RawServer } from '../../support/raw.js';
import { eventually, get, house, ok, useLane } from '../full/house.js';

useLane('fast');

/** More than is copied on its way (visit.ts); no head has these bytes in it. */
const size = 30_000;
const [mine, others] = ['\xff', '\xfe'];
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an answer that waits for its app', () => {
  for (const [what, head, behind] of [
    ['whose endpoint has sent more than it', `Content-Length: ${size}\r\n`, 'stray'],
    ['behind which its connection closes', `Content-Length: ${size}\r\nConnection: close\r\n`, ''],
    ['that ends with its connection', '', ''],
  ] as const)
    it(`keeps every byte while another call is answered: one ${what}`, async (t) => {
      const sockets: Socket[] = [];
      const accepted = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
      subscribe('net.server.socket', accepted);
      t.after(() => unsubscribe('net.server.socket', accepted));
      const orders = await RawServer.start(async (wire) => {
        await wire.message();
        wire.write(`HTTP/1.1 200 OK\r\n${head}\r\n${mine.repeat(size)}${behind}`);
        if (behind === '') wire.end();
      });
      const other = await RawServer.always(ok(others.repeat(size), 'Connection: close\r\n'));
      const { app, upstreams } = await house(t, { orders: [orders], other: [other] });
      const wire = await app();
      await eventually(() => sockets.some(({ remotePort }) => remotePort === wire.socket.localPort));
      const toApp = sockets.find(({ remotePort }) => remotePort === wire.socket.localPort)!;
      const { stats } = upstreams.get('orders')!;
      const beside = await app();
      wire.socket.pause();
      let asked = 0;
      for (let waits = false; !waits;) {
        wire.write(get());
        isTrue(++asked < 5_000, `none of ${asked} answers waits`);
        while (stats.calls.get('2xx') !== asked && toApp.writableLength === 0) await turn();
        if (toApp.writableLength === 0) continue;
        if (behind !== '') await orders.wires.at(-1)!.gone();
        const answer = await beside.write('GET / HTTP/1.1\r\nHost: other\r\n\r\n').message();
        equal(answer.endsWith(others.repeat(size)), true);
        waits = stats.inFlight === 1 && toApp.writableLength > 0;
      }
      wire.write(get('/', 'Connection: close\r\n'));
      wire.socket.resume();
      const { text, end } = await wire.rest();
      equal(text.replaceAll(/[^\xff\xfe]+/g, '') === mine.repeat(size * (asked + 1)), true, 'other bytes than its own');
      equal(text.split('HTTP/1.1 200 OK\r\n').length - 1, asked + 1);
      equal(end, 'ended');
    });
});

it('the buffer of a connection that was not kept serves the next one', async (t) => {
  const orders = await RawServer.always(ok('ok', 'Connection: close\r\n'));
  const { app } = await house(t, { orders: [orders] });
  const wire = await app();
  const made = t.mock.method(Buffer, 'allocUnsafeSlow');
  for (let n = 0; n < 10; n++) match(await wire.write(get()).message(), /ok$/);
  equal(orders.wires.length, 10);
  const large = made.mock.calls.filter(({ arguments: [bytes] }) => bytes > 64 * 1024);
  isTrue(large.length <= 2, `${large.length} buffers for 10 connections, one after the other`);
});

it('long answers share a few large buffers, and each keeps its own bytes', async (t) => {
  const [long, many] = [6_000_000, 20];
  const orders = await RawServer.start(async (wire) => {
    for (;;) {
      const path = /^GET \/(\d+)/.exec(await wire.message())![1]!;
      wire.write(ok(String.fromCharCode(0xc0 + Number(path)).repeat(long)));
    }
  });
  const { app, upstreams } = await house(t, { orders: [orders] });
  const { stats } = upstreams.get('orders')!;
  const made = t.mock.method(Buffer, 'allocUnsafeSlow');
  const large = (): number => made.mock.calls.filter(({ arguments: [bytes] }) => bytes > 256 * 1024).length;
  const wires = await Promise.all(Array.from({ length: many }, () => app()));
  for (let round = 1; round <= 3; round++) {
    for (const [index, wire] of wires.entries()) wire.write(get(`/${index}`)).socket.pause();
    await eventually(() => stats.inFlight === many);
    for (const [index, wire] of wires.entries()) {
      wire.socket.resume();
      const text = await wire.message();
      equal(text.endsWith(`\r\n\r\n${String.fromCharCode(0xc0 + index).repeat(long)}`), true, `${index}, round ${round}`);
    }
    isTrue(large() > 0 && large() <= 16, `${large()} large buffers`);
  }
});
