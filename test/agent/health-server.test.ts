import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { LIMITS, serveHealth } from '../../agent/health-server.js';
import type { Listening } from '../../agent/listen.js';
import { ask, raw } from './ask.js';

const views = {
  now: { ready: false, why: 'waiting for the list of users' },
  ready: () => views.now,
  metrics: () =>
    views.broken
      ? Promise.reject(new Error('no memory'))
      : Promise.resolve({ type: 'text/plain; version=0.0.4', text: 'zidecar_up 1\n' }),
  broken: false,
};
const warnings: string[] = [];
const limits = { ...LIMITS, headMs: 150, requestMs: 150, idleMs: 150, silenceMs: 3_600_000, lookMs: 20 };
const at = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;

describe('health server', () => {
  let listening: Listening;
  let address: string;
  before(async () => {
    listening = await serveHealth(views, [at], (why) => warnings.push(why));
    address = listening.addresses[0]!;
  });
  after(() => listening.close());

  for (const path of ['/live', '/healthz', '/live?verbose=1'])
    it(`answers ${path} with 200, ready or not`, async () => {
      const { status, text } = await ask(address, path);
      deepEqual([status, text], [200, 'alive\n']);
    });

  it('answers /ready with 503 and the reason until it is ready', async () => {
    deepEqual((({ status, text }) => [status, text])(await ask(address, '/ready')), [503, 'waiting for the list of users\n']);
    views.now = { ready: true, why: 'outbound accepts' };
    deepEqual((({ status, text }) => [status, text])(await ask(address, '/ready')), [200, 'outbound accepts\n']);
  });

  it('answers /metrics with the text and its content type', async () => {
    const { status, text, headers } = await ask(address, '/metrics');
    deepEqual([status, text, headers['content-type']], [200, 'zidecar_up 1\n', 'text/plain; version=0.0.4']);
  });

  it('answers a scrape that failed with 500, and tells of it', async () => {
    views.broken = true;
    equal((await ask(address, '/metrics')).status, 500);
    views.broken = false;
    match(warnings.at(-1)!, /could not answer \/metrics: Error: no memory/);
  });

  for (const path of ['/live', '/healthz', '/ready', '/metrics']) {
    it(`answers HEAD ${path} as GET, without the body`, async () => {
      const [get, head] = [await ask(address, path), await ask(address, path, { method: 'HEAD' })];
      deepEqual([head.status, head.text, head.headers['content-length']], [get.status, '', get.headers['content-length']]);
    });

    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      it(`refuses ${method} ${path} with 405`, async () => {
        const { status, headers } = await ask(address, path, { method, body: method === 'POST' ? 'x' : '' });
        deepEqual([status, headers.allow], [405, 'GET, HEAD']);
      });
  }

  it('answers any other path with 404 and the paths that there are', async () => {
    for (const path of ['/', '/livez', '/metrics/', '//live']) {
      const { status, text } = await ask(address, path);
      equal(status, 404);
      match(text, /\/live \/healthz \/ready \/metrics/);
    }
  });

  it('refuses a head beyond 16 KiB', async () => {
    match(await raw(address, `GET /live HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431/);
  });
});

describe('health server under slow clients', () => {
  let listening: Listening;
  let address: string;
  before(async () => {
    listening = await serveHealth(views, [at], () => undefined, limits);
    address = listening.addresses[0]!;
  });
  after(() => listening.close());

  it('ends a connection whose head does not arrive', async () => {
    match(await raw(address, 'GET /live HTTP/1.1\r\nHost: x\r\n'), /^HTTP\/1.1 408|^$/);
  });

  it('ends a connection that says nothing after its answer', async () => {
    match(await raw(address, 'GET /live HTTP/1.1\r\nHost: x\r\n\r\n'), /alive\n$/);
  });

  it('ends a connection whose body does not arrive', async () => {
    ok((await raw(address, 'POST /live HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')).startsWith('HTTP/1.1 405'));
  });

  it('holds no more connections than its bound, and tells so once', async () => {
    const told: string[] = [];
    const few = await serveHealth(views, [at], (why) => told.push(why), { ...LIMITS, connections: 3 });
    const port = Number(few.addresses[0]!.split(':')[1]);
    const held = Array.from({ length: 3 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    for (let again = 0; again < 2; again++) {
      const more = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(more, 'close'); // at once, and without an answer
      equal(more.bytesRead, 0);
    }
    deepEqual(told, [`port ${port} holds 3 connections, which is its bound: more are closed at once, and this is told once`]);
    await few.close();
  });
});
