import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it, type TestContext } from 'node:test';
import { LIMITS, type Limits } from '../../agent/bounded-server.js';
import type { Fact } from '../../agent/events.js';
import { serveHealth } from '../../agent/health-server.js';
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
  identity: () => [{ service: 'orders', id: 'o1', node: 'o1', host: '10.1.2.3', port: 8080, announced: true }],
};
const warnings: string[] = [];
/** Long for what has come already, though the machine may stand still before it is read. */
const patient = { ...LIMITS, headMs: 3_600_000, requestMs: 3_600_000, idleMs: 3_600_000, silenceMs: 3_600_000, lookMs: 20 };
const at = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;

describe('health server', () => {
  let listening: Listening;
  let address: string;
  before(async () => {
    listening = await serveHealth(views, [at], (fact) => fact.kind === 'warned' && warnings.push(fact.why));
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

  it('answers /identity with the services of the app and where they are', async () => {
    const { status, text, headers } = await ask(address, '/identity');
    deepEqual([status, headers['content-type']], [200, 'application/json']);
    deepEqual(JSON.parse(text), { services: views.identity() });
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
  const held = async (t: TestContext, limits: Partial<Limits>): Promise<string> => {
    const listening = await serveHealth(views, [at], () => undefined, { ...patient, ...limits });
    t.after(() => listening.close());
    return listening.addresses[0]!;
  };

  it('ends a connection whose head does not arrive', async (t) => {
    const address = await held(t, { headMs: 150 });
    match(await raw(address, 'GET /live HTTP/1.1\r\nHost: x\r\n'), /^HTTP\/1.1 408|^$/);
  });

  it('ends a connection that says nothing after its answer', async (t) => {
    const address = await held(t, { idleMs: 150 });
    match(await raw(address, 'GET /live HTTP/1.1\r\nHost: x\r\n\r\n'), /alive\n$/);
  });

  it('ends a connection whose body does not arrive', async (t) => {
    const address = await held(t, { headMs: 2_000, requestMs: 2_000 });
    ok((await raw(address, 'POST /live HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')).startsWith('HTTP/1.1 405'));
  });

  it('gives a new connection the place of the one that was idle for the longest, and tells so', async () => {
    const told: Fact[] = [];
    const few = await serveHealth(views, [at], (fact) => told.push(fact), { ...LIMITS, connections: 3 });
    const port = Number(few.addresses[0]!.split(':')[1]);
    const open = async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    };
    const [first, second, third] = [await open(), await open(), await open()];
    first.write('GET /live HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(first, 'data'); // it has asked, so the second has been idle for longer now
    const fourth = await open();
    await once(second, 'close');
    await open();
    await once(third, 'close');
    for (const socket of [first, fourth]) equal(socket.destroyed, false);
    const [{ kind, bound, limit }] = told as [Extract<Fact, { kind: 'bound_reached' }>];
    deepEqual([kind, bound, limit, told.length], ['bound_reached', 'connections of the health listener', 3, 2]);
    await few.close();
  });

  it('takes the place of one that is being answered only when all are', async () => {
    let answer = (): void => undefined;
    const slow = { ...views, metrics: () => new Promise<never>((_, reject) => (answer = () => reject(new Error('over')))) };
    const few = await serveHealth(slow, [at], () => undefined, { ...LIMITS, connections: 2 });
    const port = Number(few.addresses[0]!.split(':')[1]);
    const scrape = connect(port, '127.0.0.1').on('error', () => undefined);
    scrape.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    while (answer.toString() === '() => undefined') await new Promise((resolve) => setTimeout(resolve, 5));
    const idle = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(idle, 'connect');
    const gone = Promise.race([once(idle, 'close'), once(scrape, 'close')]);
    equal((await ask(few.addresses[0]!, '/live')).status, 200);
    await gone;
    equal(scrape.destroyed, false);
    answer();
    match(String(((await once(scrape, 'data')) as [Buffer])[0]), /^HTTP\/1.1 500/);
    await few.close();
  });

  it('answers a scrape while others hold 200 connections: idle, with half a head, and without reading', async () => {
    const large = { ...views, metrics: () => Promise.resolve({ type: 'text/plain', text: 'x'.repeat(8 * 1024 * 1024) }) };
    const busy = await serveHealth(large, [at], () => undefined);
    const port = Number(busy.addresses[0]!.split(':')[1]);
    const held = Array.from({ length: 200 }, () =>
      connect(port, '127.0.0.1')
        .on('error', () => undefined)
        .pause(),
    );
    const said = ['', 'GET /metrics HTTP/1.1\r\nHost:', 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    held.forEach((socket, index) => socket.write(said[index % 3]!));
    for (let turn = 0; turn < 5; turn++) equal((await ask(busy.addresses[0]!, '/live')).status, 200);
    equal((await ask(busy.addresses[0]!, '/metrics')).text.length, 8 * 1024 * 1024);
    for (const socket of held) socket.destroy();
    await busy.close();
  });
});
